#pragma once

#include <filesystem>

#include "harness/base/clock.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox::qemu {

/// `qemu-img create` of an empty qcow2 that shows `backing` until it is written to. The backing
/// file is named by its absolute path: it must stay where it is, the overlay itself may be moved.
ProcessSpec overlay_spec(const std::filesystem::path& overlay, const std::filesystem::path& backing,
                         const std::string& backing_format);

/// Runs overlay_spec. Throws Error(unsupported) when there is no qemu-img, Error(infrastructure).
void create_overlay(const std::filesystem::path& overlay, const std::filesystem::path& backing,
                    const std::string& backing_format, Deadline deadline,
                    const CancelToken& cancel);

/// Copies a RAM file by its data, holes staying holes, sharing blocks where the filesystem can.
/// Throws Error(io).
void copy_ram(const std::filesystem::path& source, const std::filesystem::path& destination);

/// Gives the pages of a RAM file that hold only zeros back to the filesystem. Throws Error(io).
void punch_zero_pages(const std::filesystem::path& file);

}  // namespace nestbox::qemu
