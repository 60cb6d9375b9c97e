#include "vmdrivers/absent_driver.hpp"

#include "harness/base/error.hpp"

namespace nestbox {

namespace {

class AbsentDriver final : public Driver {
public:
  AbsentDriver(std::string name, std::string hint)
      : m_name(std::move(name)), m_hint(std::move(hint)) {}

  std::string_view name() const override { return m_name; }
  Capabilities capabilities() const override { return {}; }
  Availability availability() override {
    return {.reason = "this nestbox was built without it", .hint = m_hint};
  }

  std::unique_ptr<Machine> boot(const MachineSpec&, const BootOptions&, Deadline,
                                const CancelToken&) override {
    throw absent();
  }
  std::unique_ptr<Machine> fork(const Snapshot&, const ForkOptions&, Deadline,
                                const CancelToken&) override {
    throw absent();
  }

  std::string snapshot_key() override { return m_name; }
  double slowdown() override { return 1.0; }

private:
  Error absent() const {
    return Error(ErrorCode::unsupported, "this nestbox was built without driver '" + m_name + "'",
                 m_hint);
  }

  std::string m_name;
  std::string m_hint;
};

}  // namespace

void add_absent_driver(DriverRegistry& registry, const std::string& name, const std::string& hint,
                       Cost cost) {
  const auto make = [name, hint](const DriverSettings&) {
    return std::make_unique<AbsentDriver>(name, hint);
  };
  registry.add(name, make, cost);
}

}  // namespace nestbox
