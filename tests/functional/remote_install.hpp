#pragma once

#include <string>

#include "tests/support/nestbox_program.hpp"

namespace nestbox {

/// Runs examples/remote-install as it is, on machines of this driver, and expects both of its tests
/// to pass.
void expect_remote_install(NestboxProgram& nestbox, const std::string& driver);

}  // namespace nestbox
