#pragma once

#include <memory>
#include <string>

#include "harness/vm/transport.hpp"
#include "vmdrivers/docker/engine.hpp"

namespace nestbox::docker {

/// The agent's transport, but that a hostname other than `hostname` is given by the engine: a
/// container may not name itself. Where the engine may not either, it keeps its name.
std::unique_ptr<Transport> make_container_transport(std::unique_ptr<Transport> agent,
                                                    Engine& engine, std::string container,
                                                    std::string hostname);

}  // namespace nestbox::docker
