#pragma once

#include <string>
#include <vector>

namespace nestbox {

/// `nestbox docker-machine …`: speaks that tool's command line over virtual machines that are
/// forked from environment 'docker-machine' (nestbox.yml's, else a built-in one) and live until
/// `rm`. The exit code, 1 after a mistake; `ssh` and `scp` become those programs.
int run_docker_machine(const std::vector<std::string>& words);

}  // namespace nestbox
