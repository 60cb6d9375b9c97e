#pragma once

#include <chrono>
#include <cstddef>

namespace nestbox {

/// Time as a switch sees it, from its making on: it stands still while the switch is frozen.
using SwitchTime = std::chrono::nanoseconds;

/// A link's place in its switch; free for another link once it is unplugged.
using LinkIndex = std::size_t;

}  // namespace nestbox
