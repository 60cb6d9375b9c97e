// A tree stream from a hostile machine: whatever it says, nothing lands outside the directory it is
// written to.
#include <fcntl.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "harness/base/filesystem.hpp"
#include "harness/guest/tree_writer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nestbox;
  const TemporaryDirectory directory("nestbox-fuzz");
  const fs::path inside = directory.path() / "inside";
  fs::create_directory(inside);
  fs::create_symlink("..", inside / "up");
  TreeWriter writer(FileDescriptor(open(inside.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                    TreeModes::owned, {.bytes = 1 << 20, .entries = 100});
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t half = size / 2;
  const bool written = writer.write(bytes.substr(0, half)) && writer.write(bytes.substr(half));
  if (written != writer.error().empty() || (writer.refused() && writer.error().empty()))
    std::abort();
  for (const auto& entry : fs::directory_iterator(directory.path()))
    if (entry.path() != inside)
      std::abort();
  return 0;
}
