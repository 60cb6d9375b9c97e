#pragma once

#include <functional>
#include <memory>

#include "harness/guest/ssh_endpoint.hpp"
#include "harness/vm/driver_registry.hpp"
#include "vmdrivers/ec2/account.hpp"

namespace nestbox::ec2 {

/// Rents machines from Amazon EC2, as `ec2.yml` says.
std::unique_ptr<Driver> make_driver(const DriverSettings& settings);

/// Makes a machine of an instance that runs: over ssh, but for tests. Error(lost) while it does
/// not answer yet.
using Connect = std::function<std::unique_ptr<Machine>(
    const MachineSpec&, const SshEndpoint&, const Settings&, Deadline, const CancelToken&)>;

/// By powershell_transport or the agent, as the settings say.
std::unique_ptr<Machine> connect_by_ssh(const MachineSpec& spec, const SshEndpoint& endpoint,
                                        const Settings& settings, Deadline deadline,
                                        const CancelToken& cancel);

/// The driver of these parts; `load` is called when the settings are first needed.
std::unique_ptr<Driver> assemble_driver(std::function<Settings()> load, aws::Variables variables,
                                        Pace pace, Connect connect);

}  // namespace nestbox::ec2
