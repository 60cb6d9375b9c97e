#pragma once

#include <dirent.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/scope.hpp"
#include "harness/guest/directory_cursor.hpp"

namespace nestbox {

/// Yields the next path of a tree, relative to its root; false at the end.
using TreeSource = std::function<bool(std::string& path)>;

/// Turns files below one directory into a tree stream (tree_writer.hpp has the format), never
/// following a symlink.
class TreeReader {
public:
  /// What to do with a path that is gone, or is neither file, directory nor symlink.
  enum class Odd { fail, skip };

  TreeReader(FileDescriptor root, TreeSource source, Odd odd)
      : m_cursor(std::move(root), DirectoryCursor::Missing::fail), m_source(std::move(source)),
        m_odd(odd) {}

  /// The next bytes of the stream, at most `size`; 0 at its end or on failure: `error` tells which.
  std::size_t read(char* out, std::size_t size);
  const std::string& error() const noexcept { return m_error; }

private:
  bool next_record();
  bool open_entry(const std::string& path);
  bool read_extent(std::size_t room);
  bool odd(const std::string& path, std::string_view why);

  DirectoryCursor m_cursor;
  TreeSource m_source;
  Odd m_odd;
  FileDescriptor m_file;
  std::string m_path;
  bool m_sparse = false;
  std::uint64_t m_offset = 0;
  std::string m_ready;
  std::size_t m_taken = 0;
  bool m_ended = false;
  std::string m_error;
};

/// All paths below `root`, each directory before what it holds, at most 256 levels deep.
class TreeWalk {
public:
  explicit TreeWalk(FileDescriptor root);
  bool next(std::string& path);

private:
  struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
  };
  struct Level {
    std::unique_ptr<DIR, CloseDirectory> directory;
    std::size_t path_size;
  };
  void descend(int parent, const char* name);

  std::vector<Level> m_levels;
  std::string m_path;
};

}  // namespace nestbox
