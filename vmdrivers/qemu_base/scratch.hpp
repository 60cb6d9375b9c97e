#pragma once

#include <filesystem>

namespace nestbox::qemu {

/// Where machines put what they write to their disks. Who makes a file here unlinks it as soon as
/// QEMU has it open; one that is still named after ten minutes was left by a kill in between, and
/// is removed by this call. Throws Error(io).
std::filesystem::path swept_scratch();

}  // namespace nestbox::qemu
