#include "runner/cli/feature_table.hpp"

#include <fmt/format.h>

namespace nestbox {
namespace {

struct Kind {
  Cost cost;
  const char* name;
};

/// In the order in which the rows come.
constexpr Kind k_kinds[] = {
    {Cost::guest, "a virtual machine"}, {Cost::container, "a container"},
    {Cost::money, "a rented machine"},  {Cost::host, "a host you have"},
    {Cost::nothing, "this host"},
};

const char* source_of(Boots boots) {
  switch (boots) {
  case Boots::kernel:
    return "kernel, disk";
  case Boots::image:
    return "image";
  case Boots::host:
    break;
  }
  return "what is there";
}

const char* word(bool can) {
  return can ? "yes" : "no";
}

std::string row(const std::string& name, const Kind& kind, const Capabilities& can) {
  return fmt::format("| [{0}]({0}.md) | {1} | {2} | {3} | {4} | {5} | {6} | {7} | {8} | {9} |\n",
                     name, kind.name, source_of(can.boots), word(can.machine), word(can.fork),
                     word(can.network), word(can.ethernet), word(can.ethernet || can.peers),
                     word(can.docker), word(can.terminal));
}

}  // namespace

std::string feature_table(const DriverRegistry& drivers) {
  std::string table =
      "| driver | a machine is | made from | own kernel | fork | `network: user` | `topologies` | "
      "`machines` | `docker: true` | terminal |\n"
      "|---|---|---|---|---|---|---|---|---|---|\n";
  for (const Kind& kind : k_kinds)
    for (const std::string& name : drivers.names(kind.cost))
      table += row(name, kind, drivers.make(name, {})->capabilities());
  return table;
}

}  // namespace nestbox
