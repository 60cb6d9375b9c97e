#include <cstdint>
#include <cstdlib>

#include "harness/env/disk_image.hpp"

using namespace nestbox;

/// The head of a file that claims to be a disk: an image of a known format and a bounded size, or
/// Error(definition) with words for a person.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string head(data, data + size);
  const Result<DiskImage> image = parse_disk_image(head, {size});
  const bool sound = image ? image->size <= gibibytes(4096)
                                 && image->format == (head.starts_with("QFI\xfb") ? "qcow2" : "raw")
                           : image.error().code == ErrorCode::definition;
  if (!sound)
    std::abort();
  return 0;
}
