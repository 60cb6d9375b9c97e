#pragma once

#include <set>
#include <string>
#include <string_view>

namespace nestbox {

/// An archive (CpioWriter, TarWriter) in which the parents of whatever is added come first, each
/// once.
template <class Writer>
class ArchiveTree {
public:
  explicit ArchiveTree(Writer& writer) : m_writer(writer) {}

  void file(const std::string& name, std::string_view content, unsigned mode = 0644) {
    parents(name);
    m_writer.file(name, content, mode);
  }
  void symlink(const std::string& name, const std::string& target) {
    parents(name);
    m_writer.symlink(name, target);
  }
  void directory(const std::string& name, unsigned mode = 0755) {
    parents(name);
    if (m_directories.insert(name).second)
      m_writer.directory(name, mode);
  }

private:
  void parents(const std::string& name) {
    for (std::size_t slash = name.find('/'); slash != std::string::npos;
         slash = name.find('/', slash + 1))
      if (m_directories.insert(name.substr(0, slash)).second)
        m_writer.directory(name.substr(0, slash));
  }

  Writer& m_writer;
  std::set<std::string> m_directories;
};

}  // namespace nestbox
