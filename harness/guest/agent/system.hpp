#pragma once

#include <string>
#include <string_view>

/// Small helpers over Linux for the agent, which has no base library.
namespace nestbox::agent {

/// At most `limit` bytes of a file; empty when it cannot be read.
std::string read_file(const char* path, std::size_t limit = 64 * 1024);

/// Writes `text` to a file, made (mode 0644) or truncated first. False with errno set.
bool write_file(const char* path, std::string_view text);

/// mkdir -p, mode 0755; best effort.
void make_directories(std::string path);

/// A line to the kernel's log (and so to the console), or to stderr where there is none.
void report(const std::string& line);

}  // namespace nestbox::agent
