#include "benchmarks/measures.hpp"
#include "benchmarks/sample.hpp"
#ifdef NESTBOX_WITH_LIBVIRT
#include "benchmarks/raw_libvirt.hpp"
#endif

namespace nestbox::bench {

namespace {

void measure(Lab& lab, [[maybe_unused]] std::vector<Row>& rows) {
  const auto tiny = lab.environment_on(lab.libvirt(), "tiny");
#ifdef NESTBOX_WITH_LIBVIRT
  const std::vector<std::string> hello = {"echo", "hello"};
  const auto snapshot = tiny->template_snapshot();
  if (!snapshot)
    throw Error(ErrorCode::unsupported, "there is no template to restore");
  const RawLibvirt floor(*snapshot);
  const auto forked = [&] {
    const Stopwatch stopwatch;
    const auto machine = new_machine(*tiny);
    return run_in(*machine, hello, stopwatch).first_byte;
  };
  const auto pair = interleaved_medians({[&] { return floor.first_byte(hello); }, forked}, 20, 2);
  rows[0].value = pair[1] / pair[0];
  rows[0].parts = {{"floor ms", pair[0]}, {"fork ms", pair[1]}};
#endif
}

}  // namespace

Group libvirt_forks() {
  return {"libvirt", {{"libvirt_fork_vs_floor", "x", at_most(1.3)}}, measure};
}

}  // namespace nestbox::bench
