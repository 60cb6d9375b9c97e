#include "runner/cli/app.hpp"
#include "runner/docker_machine/front.hpp"
#include "runner/docker_machine/keeper_process.hpp"
#include "runner/docker_machine/shared_network.hpp"
#include "vmdrivers/register_drivers.hpp"

int main(int argc, char** argv) {
  nestbox::DriverRegistry drivers;
  nestbox::register_drivers(drivers);
  return nestbox::run_program(
      {argv + 1, argv + argc}, drivers,
      {{"docker-machine", "docker-machine's command line, over machines forked for it",
        nestbox::run_docker_machine},
       {nestbox::k_keeper_command, "",
        [&](const std::vector<std::string>& words) { return nestbox::be_keeper(words, drivers); }},
       {nestbox::k_network_command, "", nestbox::be_network}});
}
