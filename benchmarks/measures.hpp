#pragma once

#include <functional>
#include <string>
#include <vector>

#include "benchmarks/lab.hpp"
#include "benchmarks/report.hpp"

namespace nestbox::bench {

/// Rows that are measured together. `measure` fills in their values; what it throws becomes the
/// reason of those that have none.
struct Group {
  std::string name;
  std::vector<Row> rows;
  std::function<void(Lab&, std::vector<Row>&)> measure;
};

Group tiny_forks();      ///< against raw QEMU and docker run
Group tiny_pool();       ///< from the warm pool, against docker run
Group debian_forks();    ///< against raw QEMU and a cold boot; a clone's memory
Group libvirt_forks();   ///< against the same calls by hand
Group agent();           ///< round trips, commands, files
Group program();         ///< `nestbox run`, a hundred tests
Group listing();         ///< a hundred thousand tests
Group worlds();          ///< against one fork, and against guests wired straight
Group network_switch();  ///< frames, memory, latency and loss of a virtual switch

}  // namespace nestbox::bench
