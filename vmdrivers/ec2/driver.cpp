#include "vmdrivers/ec2/driver.hpp"

#include <fmt/format.h>

#include <optional>
#include <random>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/ssh_machine.hpp"
#include "harness/vm/snapshot.hpp"

namespace nestbox::ec2 {
namespace {

using namespace std::chrono_literals;

constexpr auto k_check_limit = 10s;
constexpr auto k_keep_limit = 1min;
constexpr auto k_reap_limit = 5min;
constexpr auto k_one_attempt = 30s;

class Ec2Machine final : public Machine {
public:
  Ec2Machine(MachineSpec spec, Account& account, std::unique_ptr<Account::Rental> rental,
             std::unique_ptr<Machine> inner)
      : m_spec(std::move(spec)), m_account(account), m_rental(std::move(rental)),
        m_inner(std::move(inner)) {}

  const MachineSpec& spec() const override { return m_spec; }
  std::string workspace() const override { return m_inner->workspace(); }
  std::vector<std::string> addresses() const override {
    return m_rental ? std::vector{m_rental->private_address()} : std::vector<std::string>();
  }
  Transport& transport() override { return m_inner->transport(); }
  Condition condition() override { return m_inner->condition(); }
  void on_end(std::function<void(Condition)> handler) override {
    m_inner->on_end(std::move(handler));
  }
  std::string console() const override { return m_rental ? m_rental->console() : ""; }
  Bytes private_memory() const override { return {}; }
  void resume() override {}

  Snapshot save(Deadline deadline) override {
    MachineSpec saved = spec();
    if (!saved.save_directory)
      throw Error(ErrorCode::usage, "machine '" + saved.name + "' was not started to be saved");
    m_inner->on_end({});
    std::random_device random;
    saved.image = m_account.make_image(
        *m_rental, fmt::format("nestbox-{:08x}{:08x}", random(), random()), deadline, {});
    saved.disk.reset();
    const fs::path directory = *saved.save_directory;
    store_snapshot({directory, std::move(saved)});
    m_rental.reset();
    return load_snapshot(directory);
  }

private:
  const MachineSpec m_spec;
  Account& m_account;
  std::unique_ptr<Account::Rental> m_rental;  ///< ended after what speaks to it
  std::unique_ptr<Machine> m_inner;
};

class Ec2Driver final : public Driver {
public:
  Ec2Driver(std::function<Settings()> load, aws::Variables variables, Pace pace, Connect connect)
      : m_load(std::move(load)), m_variables(std::move(variables)), m_pace(pace),
        m_connect(std::move(connect)) {}

  std::string_view name() const override { return "ec2"; }

  Capabilities capabilities() const override {
    // A mistake in the settings is told by who uses them.
    const Settings settings =
        catch_error([&] { return account().settings(); }).value_or(Settings{});
    return {.boots = Boots::image,
            .machine = true,
            .fork = true,
            .network = true,
            .peers = true,
            .terminal = !settings.windows,
            .linux_machines = !settings.windows,
            .windows_machines = settings.windows,
            .start_limit = settings.start_limit,
            .bounds = bounds(settings)};
  }

  Availability availability() override {
    const auto ask = [&]() -> Availability {
      // Nobody rents by having an account alone.
      if (account().settings().image.empty())
        return {.reason =
                    fmt::format("no machine image is named in '{}'", settings_file().string()),
                .hint = "write there, for instance: image: ami-0123456789abcdef0"};
      if (!find_program("ssh-keygen"))
        return {.reason = "there is no 'ssh-keygen'", .hint = "apt-get install openssh-client"};
      return {.available = true,
              .reason = account().check(Deadline::after(k_check_limit), {}),
              .acceleration = "native"};
    };
    const Result<Availability> found = catch_error(ask);
    return found ? *found
                 : Availability{.reason = found.error().message, .hint = found.error().hint};
  }

  std::unique_ptr<Machine> boot(const MachineSpec& spec, const BootOptions&, Deadline deadline,
                                const CancelToken& cancel) override {
    try {
      return start(spec, deadline, cancel);
    } catch (Error& error) {
      if (error.code == ErrorCode::lost)
        error.code = ErrorCode::not_found;
      throw error.during(fmt::format("booting machine '{}' (driver ec2)", spec.name));
    }
  }

  std::unique_ptr<Machine> fork(const Snapshot& snapshot, const ForkOptions& options,
                                Deadline deadline, const CancelToken& cancel) override {
    MachineSpec spec = snapshot.spec;
    spec.name = options.name;
    spec.save_directory = options.save_directory;
    try {
      return start(spec, deadline, cancel);
    } catch (const Error& error) {
      throw error.during(fmt::format("forking machine '{}' (driver ec2)", spec.name));
    }
  }

  void keep(const Snapshot& snapshot) override {
    account().keep_image(snapshot.spec.image, Deadline::after(k_keep_limit), {});
  }

  void share(const Snapshot& snapshot) override {
    if (snapshot.spec.image.starts_with("ami-"))
      account().share_image(snapshot.spec.image, Deadline::after(k_keep_limit), {});
  }

  std::string resolve_image(const std::string& image, Deadline deadline,
                            const CancelToken& cancel) override {
    if (image.starts_with("ami-"))
      return image;
    return Driver::resolve_image(image, deadline, cancel);
  }

  std::string snapshot_key() override {
    const Settings& settings = account().settings();
    return fmt::format("ec2 {} {} {}{}", account().region(Deadline::after(k_check_limit), {}),
                       settings.image, settings.user,
                       settings.user_data.empty() ? "" : " " + sha256(settings.user_data));
  }

  double slowdown() override { return 1.0; }

  std::vector<Leftover> reap(bool dry_run, Deadline deadline, const CancelToken& cancel) override {
    return account().reap(dry_run, earlier(deadline, Deadline::after(k_reap_limit)), cancel);
  }

private:
  /// Made when first needed: a mistake in the settings concerns only who uses them.
  Account& account() const {
    std::lock_guard lock(m_mutex);
    if (!m_account)
      m_account.emplace(m_load(), m_variables, m_pace);
    return *m_account;
  }

  std::unique_ptr<Machine> start(const MachineSpec& wanted, Deadline deadline,
                                 const CancelToken& cancel) {
    const Settings& settings = account().settings();
    MachineSpec spec = wanted;
    spec.windows = settings.windows;
    deadline = earlier(deadline, Deadline::after(settings.start_limit));
    std::unique_ptr<Account::Rental> rental = account().rent(spec, deadline, cancel);
    // Nobody told us the key of a machine that did not exist a minute ago.
    const SshEndpoint endpoint{.address = rental->address(),
                               .port = settings.ssh_port,
                               .user = settings.user,
                               .identity = account().identity(deadline, cancel),
                               .host_key = {.accept_any = true}};
    while (true) {
      Result<std::unique_ptr<Machine>> machine = catch_error([&] {
        return m_connect(spec, endpoint, settings,
                         earlier(deadline, Deadline::after(k_one_attempt)), cancel);
      });
      if (machine)
        return std::make_unique<Ec2Machine>(spec, account(), std::move(rental),
                                            std::move(*machine));
      const ErrorCode code = machine.error().code;
      if ((code != ErrorCode::lost && code != ErrorCode::timeout) || deadline.passed())
        throw with_console(machine.error(), *rental);
      // It refuses connections until its sshd runs.
      if (wait_readable(-1, earlier(deadline, Deadline::after(m_pace.question)), cancel)
          == Wait::cancelled)
        cancel.throw_if_cancelled();
    }
  }

  static Error with_console(const Error& error, const Account::Rental& rental) {
    const std::string console = rental.console();
    constexpr std::size_t k_shown = 2000;
    Error told(
        error.code == ErrorCode::cancelled ? error.code : ErrorCode::infrastructure,
        fmt::format("instance '{}' runs but cannot be entered: {}", rental.id(), error.message),
        error.hint);
    if (!console.empty())
      told.message += fmt::format(
          "; its console ends with:\n{}",
          printable(console.substr(console.size() - std::min(console.size(), k_shown))));
    return told;
  }

  const std::function<Settings()> m_load;
  const aws::Variables m_variables;
  const Pace m_pace;
  const Connect m_connect;
  mutable std::mutex m_mutex;
  mutable std::optional<Account> m_account;  ///< guarded by m_mutex
};

}  // namespace

std::unique_ptr<Driver> make_driver(const DriverSettings&) {
  return assemble_driver(load_settings, aws::variables_of_this_process(), {}, connect_by_ssh);
}

std::unique_ptr<Machine> connect_by_ssh(const MachineSpec& spec, const SshEndpoint& endpoint,
                                        const Settings& settings, Deadline deadline,
                                        const CancelToken& cancel) {
  std::string held_by;
  std::unique_ptr<Machine> machine =
      SshMachine::lease(spec, endpoint,
                        {.driver = "ec2",
                         .holder = "the nestbox that rents it",
                         .sudo = settings.sudo && endpoint.user != "root",
                         .windows = settings.windows},
                        held_by, deadline, cancel);
  if (!machine)
    throw Error(ErrorCode::infrastructure,
                fmt::format("a rented instance is leased to {}", printable(held_by)));
  return machine;
}

std::unique_ptr<Driver> assemble_driver(std::function<Settings()> load, aws::Variables variables,
                                        Pace pace, Connect connect) {
  return std::make_unique<Ec2Driver>(std::move(load), std::move(variables), pace,
                                     std::move(connect));
}

}  // namespace nestbox::ec2
