#pragma once

#include <string>
#include <string_view>

/// What the names in a definition may look like: foreign words that end up in argument lists, paths
/// and reports. The same patterns stand in docs/reference/nestbox.schema.json.
namespace nestbox {

/// `[A-Za-z_][A-Za-z0-9_]*`, at most 200 bytes.
bool is_variable_name(std::string_view name);

/// `[A-Za-z0-9][A-Za-z0-9._-]*`, at most 64 bytes.
bool is_environment_name(std::string_view name);

/// 1 to 200 bytes without control characters or a space at either end, not beginning with '-'.
bool is_test_name(std::string_view name);

/// Debian's grammar, `[a-z0-9][a-z0-9+.-]+`, not ending with '-' (which tells apt to remove), at
/// most 128 bytes.
bool is_package_name(std::string_view name);

/// "tiny", or "debian:" and a suite's word, `[a-z][a-z0-9-]*` of at most 32 bytes, or a disk of the
/// user's own, or an image that only some drivers know.
bool is_image_name(std::string_view name);

/// An image that only some drivers know, at most 500 bytes: "docker:" and a container image's name
/// (`[A-Za-z0-9._/:@-]+`), "docker-archive:" and a file, "dockerfile:" and a directory, both beside
/// the definition, or "ami-" and hexadecimal digits.
bool is_driver_image(std::string_view name);

/// "disk:" and the file of a whole disk, which starts a system of its own, beside the definition;
/// at most 500 bytes.
bool is_disk_image(std::string_view name);

/// The path in the name of a disk image.
std::string_view disk_image_file(std::string_view name);

/// A host's name, `[a-z]([a-z0-9-]*[a-z0-9])?`, at most 63 bytes (one label of RFC 1123), and none
/// of "host" and "localhost", which mean something else.
bool is_machine_name(std::string_view name);

/// The same grammar: "machine.network" is a name, too.
bool is_network_name(std::string_view name);

/// Who enters a machine, `[a-z_][a-z0-9_-]*`, at most 32 bytes (useradd(8)).
bool is_user_name(std::string_view name);

/// systemd's grammar, `[A-Za-z0-9:_.\\@-]+` not beginning with '-', at most 255 bytes.
bool is_unit_name(std::string_view name);

/// A path in a machine: absolute, no `..` part, at most 1024 bytes.
bool is_machine_path(std::string_view path);

/// A path beside the definition: relative, no `..` part, at most 1024 bytes.
bool is_source_path(std::string_view path);

/// What of any name a host may be called by: at most 63 of letters, digits and '-', neither first
/// nor last a '-'; "machine" when nothing is left.
std::string hostname_from(std::string_view name);

}  // namespace nestbox
