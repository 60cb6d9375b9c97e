#pragma once

#include <string>

namespace nestbox {

struct ShowOptions {
  std::string run = "latest";
  std::string test;
  bool list = false;
  bool json = false;
};

/// `nestbox show`: a run that is kept (a killed one too), or one test of it. Error(not_found) with
/// "did you mean".
int show_run(const ShowOptions& options);

}  // namespace nestbox
