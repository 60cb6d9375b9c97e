#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/guest/payload.hpp"

/// What a tree stream (tree_writer.hpp) is made of.
namespace nestbox {

/// The beginning of 'd', 'l' and 'f'; a symlink's target follows as a string.
inline std::string tree_record(char type, mode_t mode, std::string_view path) {
  return PayloadWriter()
      .integer(type)
      .integer(static_cast<std::uint32_t>(mode & 07777))
      .string(path)
      .take();
}

inline std::string tree_symlink(std::string_view path, std::string_view target) {
  return tree_record('l', 0777, path) + PayloadWriter().string(target).take();
}

/// In front of `length` bytes of a file; 0 ends it, `offset` being its size.
inline std::string tree_extent(std::uint64_t offset, std::uint32_t length) {
  return PayloadWriter().integer(offset).integer(length).take();
}

inline constexpr char k_tree_end = 'e';

}  // namespace nestbox
