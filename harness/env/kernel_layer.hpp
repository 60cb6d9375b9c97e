#pragma once

#include <string>

#include "harness/env/build_context.hpp"

namespace nestbox {

inline constexpr const char* k_default_suite = "bookworm";

/// Debian's cloud kernel of `suite`, as files of a layer: `vmlinuz`, `modules.tar`
/// (usr/lib/modules/VERSION, with modules.dep) and `busybox` (static). The key needs no network: an
/// unchanged host does nothing.
Layer kernel_layer(const BuildContext& context, const std::string& suite);

}  // namespace nestbox
