#include "runner/cli/app.hpp"
#include "vmdrivers/register_drivers.hpp"

int main(int argc, char** argv) {
  nestbox::DriverRegistry drivers;
  nestbox::register_drivers(drivers);
  return nestbox::run_program({argv + 1, argv + argc}, drivers);
}
