#include <fmt/format.h>

#include <algorithm>

#include "harness/base/text.hpp"
#include "harness/env/net_listing.hpp"
#include "harness/env/verb_context.hpp"

namespace nestbox {
namespace {

/// A link as its switch knows it.
struct FoundLink {
  VirtualSwitch& network;
  CaptureBoard::Link name;
};

const TopologyMachine& machine_of(const World& world, const std::string& name) {
  if (const TopologyMachine* machine = find_machine(world.topology(), name))
    return *machine;
  throw Error(ErrorCode::not_found, fmt::format("there is no machine '{}' in topology '{}'", name,
                                                world.topology().name));
}

bool stands_on(const TopologyMachine& machine, const std::string& network) {
  return std::any_of(machine.links.begin(), machine.links.end(),
                     [&](const TopologyLink& link) { return link.network == network; });
}

std::vector<FoundLink> links_of(const World& world, const LinkName& name) {
  const TopologyMachine& machine = machine_of(world, name.machine);
  std::vector<FoundLink> links;
  for (const TopologyLink& link : machine.links)
    if (name.network.empty() || name.network == link.network)
      links.push_back({world.network(link.network), {link.network, machine.name}});
  if (links.empty())
    throw Error(ErrorCode::not_found,
                name.network.empty()
                    ? fmt::format("machine '{}' stands on no network", name.machine)
                    : fmt::format("machine '{}' does not stand on network '{}'", name.machine,
                                  name.network));
  return links;
}

FoundLink link_of(const World& world, const LinkName& name) {
  std::vector<FoundLink> links = links_of(world, name);
  if (links.size() > 1)
    throw Error(ErrorCode::usage,
                fmt::format("machine '{}' stands on several networks", name.machine),
                fmt::format("name one: '{}@{}'", name.machine, links.front().name.network));
  return links.front();
}

std::vector<std::string> networks_of(const World& world, const std::string& one) {
  if (!one.empty())
    return {one};
  std::vector<std::string> names;
  for (const TopologyNetwork& network : world.topology().networks)
    names.push_back(network.name);
  return names;
}

/// The groups' machines that stand on the network.
std::vector<std::vector<std::string>> groups_on(const World& world, const std::string& network,
                                                const Partition& partition) {
  std::vector<std::vector<std::string>> groups;
  for (const std::vector<std::string>& group : partition.groups) {
    std::vector<std::string> there;
    for (const std::string& machine : group)
      if (stands_on(machine_of(world, machine), network))
        there.push_back(machine);
    if (!there.empty())
      groups.push_back(std::move(there));
  }
  return groups;
}

/// The file that a caller on the host names, with the folders above it.
fs::path host_file(const VerbCaller& caller, const std::string& path) {
  if (!caller.confined) {
    const fs::path file = caller.directory / path;
    fs::create_directories(file.parent_path());
    return file;
  }
  const fs::path root = fs::canonical(caller.output_directory);
  const Error outside(ErrorCode::usage,
                      fmt::format("cannot write '{}': it is outside of '{}'", path, root.string()));
  const std::optional<fs::path> file = path_beneath(root, path);
  if (!file)
    throw outside;
  // What lies there may have come from a machine, symbolic links among it.
  const fs::path folder = fs::weakly_canonical(file->parent_path());
  const fs::path relative = folder.lexically_relative(root);
  if (relative.empty() || *relative.begin() == "..")
    throw outside;
  fs::create_directories(folder);
  const fs::path whole = folder / file->filename();
  if (fs::is_symlink(whole))
    fs::remove(whole);
  return whole;
}

void stop_capture(World& world, const CaptureBoard::Link& link, Deadline deadline,
                  const CancelToken& cancel) {
  world.network(link.network).stop_capture(link.machine);
  const std::optional<CaptureBoard::Destination> ended = world.captures().take(link);
  if (ended && !ended->machine.empty())
    world.machine(ended->machine)
        .transport()
        .put(ended->folder->path(), {ended->path.filename()}, ended->path.parent_path().string(),
             deadline, cancel);
}

struct NetVisitor {
  const VerbContext& context;

  void operator()(const ShowNetworks& show) const {
    context.output.say(OutputStream::standard_output,
                       show.json ? networks_json(context.world) : networks_text(context.world));
  }

  void operator()(const ShowCounters& show) const {
    context.output.say(OutputStream::standard_output,
                       show.json ? counters_json(context.world) : counters_text(context.world));
  }

  void operator()(const Partition& partition) const {
    for (const std::string& network : networks_of(context.world, partition.network))
      context.world.network(network).partition(groups_on(context.world, network, partition));
  }

  void operator()(const Heal& heal) const {
    for (const std::string& network : networks_of(context.world, heal.network))
      context.world.network(network).heal();
  }

  void operator()(const SetImpairment& set) const {
    for (const FoundLink& link : links_of(context.world, set.link))
      link.network.set_impairment(link.name.machine, set.impairment);
  }

  void operator()(const ResetLink& reset) const {
    for (const FoundLink& link : links_of(context.world, reset.link))
      link.network.set_impairment(link.name.machine, {});
  }

  void operator()(const SwitchLink& change) const {
    for (const FoundLink& link : links_of(context.world, change.link)) {
      Impairment impairment = link.network.impairment(link.name.machine);
      impairment.down = !change.up;
      link.network.set_impairment(link.name.machine, impairment);
    }
  }

  void operator()(const StartCapture& start) const {
    const VerbCaller& caller = context.caller;
    const FoundLink link = link_of(context.world, start.link);
    CaptureBoard::Destination destination;
    fs::path file;
    if (caller.machine.empty()) {
      file = host_file(caller, start.file);
    } else {
      destination.machine = caller.machine;
      destination.path = (caller.directory / start.file).lexically_normal();
      if (!destination.path.has_filename())
        throw Error(ErrorCode::usage, fmt::format("'{}' names no file", start.file));
      file = destination.folder.emplace().path() / destination.path.filename();
    }
    link.network.start_capture(link.name.machine, file);
    context.world.captures().add(link.name, std::move(destination));
  }

  void operator()(const StopCapture& stop) const {
    const FoundLink link = link_of(context.world, stop.link);
    stop_capture(context.world, link.name, context.deadline, context.cancel);
  }
};

}  // namespace

int execute_net(const VerbContext& context, const NetVerb& verb) {
  std::visit(NetVisitor{context}, verb);
  return 0;
}

void finish_captures(World& world, Deadline deadline, const CancelToken& cancel) {
  for (const CaptureBoard::Link& link : world.captures().links())
    stop_capture(world, link, deadline, cancel);
}

}  // namespace nestbox
