#pragma once

#include <string>
#include <vector>

#include "harness/vm/machine.hpp"

namespace nestbox::bench {

/// The floor: QEMU itself, restoring the same template with the same arguments, started and spoken
/// to with as little code as can be: one posix_spawn, one write to each channel, one read loop.
class RawQemu {
public:
  explicit RawQemu(const Snapshot& snapshot);

  struct Sample {
    double first_byte =
        0;  ///< milliseconds from before the start to the first byte that the command prints
    double cpu = 0;  ///< milliseconds of CPU time that QEMU has used until it was gone
  };
  Sample run(const std::vector<std::string>& command) const;

private:
  std::vector<std::string> m_argv;
  std::string m_state;
};

}  // namespace nestbox::bench
