#pragma once

#include "harness/base/clock.hpp"
#include "runner/docker_machine/engine.hpp"
#include "runner/docker_machine/machine_store.hpp"

namespace nestbox {

/// Makes a machine's certificates anew, by the authority of its store, which is made with the first
/// of them; the client's copies lie in the machine's directory.
EngineCertificates issue_certificates(const MachineStore& store, const KeptMachine& machine);

/// Sets up the docker in a running machine, over ssh: it then listens for who has the client's
/// certificate. `unit` (engine_unit): how it is to be; empty: as it is. Error(infrastructure) when
/// it does not start.
void provision(const MachineStore& store, const KeptMachine& machine, const std::string& unit,
               Deadline deadline);

}  // namespace nestbox
