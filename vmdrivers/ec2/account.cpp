#include "vmdrivers/ec2/account.hpp"

#include <fmt/format.h>

#include <functional>
#include <random>

#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/ec2/init_script.hpp"
#include "vmdrivers/ec2/ownership.hpp"

namespace nestbox::ec2 {
namespace {

using namespace std::chrono_literals;

constexpr auto k_end_limit = 1min;
constexpr auto k_group_limit = 2min;
constexpr auto k_console_limit = 20s;
constexpr const char* k_token_tag = "nestbox.token";

// What was just made is not known everywhere at once.
const std::set<std::string> k_new_instance = {"InvalidInstanceID.NotFound"};
const std::set<std::string> k_new_group = {"InvalidGroup.NotFound", "InvalidKeyPair.NotFound"};
const std::set<std::string> k_no_capacity = {"InsufficientInstanceCapacity",
                                             "InsufficientHostCapacity",
                                             "InsufficientCapacity",
                                             "SpotMaxPriceTooLow",
                                             "Unsupported",
                                             "MaxSpotInstanceCountExceeded"};

std::string random_name() {
  std::random_device random;
  return fmt::format("nestbox-{:08x}{:08x}{:08x}", random(), random(), random());
}

/// Neither the key nor anything else that is secret is in the argv.
void make_key(const fs::path& file, bool windows) {
  run_checked({.argv = {"ssh-keygen", "-q", "-t", windows ? "rsa" : "ed25519", "-N", "", "-C",
                        "nestbox", "-f", file.string()}},
              Deadline::after(1min));
}

std::string last_lines(const std::string& console) {
  constexpr std::size_t k_shown = 10;
  std::vector<std::string> lines = split(trim(console), '\n');
  if (lines.size() > k_shown)
    lines.erase(lines.begin(), lines.end() - k_shown);
  return printable(join(lines, "\n"));
}

Error not_running(const std::string& why, const std::string& console) {
  Error error(ErrorCode::infrastructure, why);
  if (!trim(console).empty())
    error.message += fmt::format("; its console ends with:\n{}", last_lines(console));
  return error;
}

}  // namespace

Account::Account(Settings settings, aws::Variables variables, Pace pace)
    : m_settings(std::move(settings)), m_variables(std::move(variables)), m_pace(pace),
      m_credentials(m_variables, m_http), m_allowance(m_settings) {}

Account::~Account() {
  for (const auto& [image, snapshots] : m_new_images)
    end_image(image, snapshots);
  if (!m_run)
    return;
  const auto remove = [](const std::string& what, const std::function<void(Deadline)>& how) {
    const Deadline deadline = Deadline::after(k_group_limit);
    if (const Result<void> removed = catch_error([&] { how(deadline); }); !removed)
      log(LogLevel::warning, fmt::format("{} may be left at AWS, 'nestbox reap' finds it: {}", what,
                                         removed.error().message));
  };
  remove(fmt::format("key pair '{}'", m_run->key_name), [&](Deadline deadline) {
    client(deadline, {}).send(delete_key(m_run->key_name), "removing a key pair", deadline, {});
  });
  remove(fmt::format("security group '{}'", m_run->group), [&](Deadline deadline) {
    aws::Refusal refusal;
    const Result<HttpReply> reply = settled(delete_group(m_run->group), "removing a security group",
                                            k_used_group, refusal, deadline, {});
    if (!reply && refusal.code != "InvalidGroup.NotFound")
      throw reply.error();
  });
}

aws::Client& Account::client(Deadline deadline, const CancelToken& cancel) {
  std::lock_guard lock(m_mutex);
  if (!m_client) {
    const std::string region =
        m_settings.region.empty() ? m_credentials.region(deadline, cancel) : m_settings.region;
    m_client.emplace(aws::service_of(m_variables, "ec2", region), m_credentials, m_http,
                     m_pace.backoff);
  }
  return *m_client;
}

void Account::pause(Deadline deadline, const CancelToken& cancel) const {
  if (wait_readable(-1, earlier(deadline, Deadline::after(m_pace.question)), cancel)
      == Wait::cancelled)
    cancel.throw_if_cancelled();
}

/// Asks again for as long as EC2 says one of `not_yet`.
Result<HttpReply> Account::settled(const aws::Request& request, const std::string& what,
                                   const std::set<std::string>& not_yet, aws::Refusal& refusal,
                                   Deadline deadline, const CancelToken& cancel) {
  while (true) {
    refusal = {};
    Result<HttpReply> reply =
        client(deadline, cancel).try_send(request, what, refusal, deadline, cancel);
    if (reply || !not_yet.contains(refusal.code) || deadline.passed())
      return reply;
    pause(deadline, cancel);
  }
}

/// The key pair and security group of this run, made when first needed.
const Account::Run& Account::run(Deadline deadline, const CancelToken& cancel) {
  aws::Client& client = this->client(deadline, cancel);
  std::lock_guard lock(m_run_mutex);
  if (m_run)
    return *m_run;
  const std::string name = random_name();
  const Tags tags = named(ownership_tags(), name);
  m_directory.emplace("nestbox-ec2");
  const fs::path identity = m_directory->path() / "key";
  make_key(identity, m_settings.windows);
  aws::Refusal refusal;
  const Result<HttpReply> imported =
      client.try_send(import_key(name, read_file(identity.string() + ".pub", kibibytes(16)), tags),
                      "importing a key pair", refusal, deadline, cancel);
  // The name is ours alone: who has it is an attempt whose reply was lost.
  if (!imported && refusal.code != "InvalidKeyPair.Duplicate")
    throw imported.error();
  ScopeExit forget([&] {
    catch_error([&] {
      client.send(delete_key(name), "removing a key pair", Deadline::after(k_end_limit), {});
    });
  });
  m_run = Run{identity, name, open_group(name, tags, deadline, cancel)};
  forget.dismiss();
  return *m_run;
}

std::string Account::open_group(const std::string& name, const Tags& tags, Deadline deadline,
                                const CancelToken& cancel) {
  aws::Client& client = this->client(deadline, cancel);
  const char* const what = "making a security group";
  aws::Refusal refusal;
  const Result<HttpReply> created =
      client.try_send(create_group(name, tags), what, refusal, deadline, cancel);
  std::string group;
  if (created)
    group = value_or_throw(parse_group_id(created->body));
  else if (refusal.code == "InvalidGroup.Duplicate")
    for (const Named& found :
         value_or_throw(parse_groups(client.send(describe_groups(), what, deadline, cancel).body)))
      group = found.name == name ? found.id : group;
  if (group.empty())
    throw created.error();
  ScopeExit forget([&] {
    catch_error([&] { client.send(delete_group(group), what, Deadline::after(k_end_limit), {}); });
  });
  const Result<HttpReply> allowed =
      settled(let_in(group, m_settings.ssh_port, m_settings.allowed_from), what, k_new_group,
              refusal, deadline, cancel);
  if (!allowed && refusal.code != "InvalidPermission.Duplicate")
    throw allowed.error();
  forget.dismiss();
  return group;
}

fs::path Account::identity(Deadline deadline, const CancelToken& cancel) {
  return run(deadline, cancel).identity;
}

std::unique_ptr<Account::Rental> Account::rent(const MachineSpec& spec, Deadline deadline,
                                               const CancelToken& cancel) {
  const std::vector<InstanceType> types = fitting_types(m_settings, {spec.cores, spec.memory});
  const std::string image = spec.image.starts_with("ami-") ? spec.image : m_settings.image;
  if (image.empty())
    throw Error(ErrorCode::definition, "no machine image is named",
                fmt::format("write 'image: ami-…' into '{}', or into the environment",
                            settings_file().string()));
  deadline = earlier(deadline, Deadline::after(m_settings.start_limit));
  const Run& run = this->run(deadline, cancel);
  std::optional<Error> none;
  for (const InstanceType& type : types) {
    Allowance::Share share = m_allowance.take(type.size, deadline, cancel);
    Tags tags = named(ownership_tags(), spec.name);
    const std::string token = random_name();
    tags[k_token_tag] = token;
    aws::Refusal refusal;
    const Result<std::string> id = catch_error([&] {
      return launch({.token = token,
                     .image = image,
                     .type = type.name,
                     .key_name = run.key_name,
                     .group = run.group,
                     .subnet = m_settings.subnet,
                     .user_data = init_script(m_settings),
                     .spot = m_settings.spot,
                     .root_device = m_settings.windows ? "/dev/sda1" : "/dev/xvda",
                     .disk_gibibytes = m_settings.disk_gibibytes,
                     .tags = std::move(tags)},
                    refusal, deadline, cancel);
    });
    if (id) {
      auto rental = std::make_unique<Rental>(*this, *id, std::move(share));
      await_running(*rental, deadline, cancel);
      return rental;
    }
    if (refusal.code.empty())  // nobody knows whether it was done
      end_unheard(token);
    if (k_gone_image.contains(refusal.code))
      throw Error(ErrorCode::lost, id.error().message);
    if (!k_no_capacity.contains(refusal.code))
      throw id.error();
    none = id.error();
  }
  throw *none;
}

std::string Account::launch(const Launch& launch, aws::Refusal& refusal, Deadline deadline,
                            const CancelToken& cancel) {
  const Result<HttpReply> reply =
      settled(run_instance(launch), fmt::format("starting an instance of type '{}'", launch.type),
              k_new_group, refusal, deadline, cancel);
  return value_or_throw(parse_run(value_or_throw(reply).body)).id;
}

void Account::await_running(Rental& rental, Deadline deadline, const CancelToken& cancel) {
  const std::string what = fmt::format("waiting for instance '{}'", rental.id());
  while (true) {
    aws::Refusal refusal;
    const HttpReply reply = value_or_throw(
        settled(describe_instance(rental.id()), what, k_new_instance, refusal, deadline, cancel));
    const Page page = value_or_throw(parse_instances(reply.body));
    if (!page.instances.empty()) {
      const Instance& instance = page.instances.front();
      rental.m_private_address = instance.private_address;
      rental.m_address =
          m_settings.private_address ? instance.private_address : instance.public_address;
      if (instance.state == "running" && !rental.m_address.empty())
        return;
      if (instance.state != "pending" && instance.state != "running")
        throw not_running(fmt::format("instance '{}' is {} instead of running{}{}", rental.id(),
                                      instance.state, instance.reason.empty() ? "" : ": ",
                                      instance.reason),
                          rental.console());
    }
    if (deadline.passed())
      throw not_running(fmt::format("instance '{}' did not start in time", rental.id()),
                        rental.console());
    pause(deadline, cancel);
  }
}

std::vector<Instance> Account::our_instances(Deadline deadline, const CancelToken& cancel) {
  std::vector<Instance> instances;
  std::string token;
  do {
    Page page = value_or_throw(
        parse_instances(client(deadline, cancel)
                            .send(describe_ours(token), "listing our instances", deadline, cancel)
                            .body));
    instances.insert(instances.end(), page.instances.begin(), page.instances.end());
    token = std::move(page.next_token);
  } while (!token.empty());
  return instances;
}

/// An instance that was asked for, and may have come to be although nobody told us. It may not be
/// listed at once.
void Account::end_unheard(const std::string& token) noexcept {
  const Deadline deadline = Deadline::after(k_end_limit);
  const Deadline last = Deadline::after(m_pace.unheard);
  const Result<void> ended = catch_error([&] {
    while (true) {
      for (const Instance& instance : our_instances(deadline, {}))
        if (const auto tag = instance.tags.find(k_token_tag);
            tag != instance.tags.end() && tag->second == token)
          return end(instance.id);
      if (last.passed())
        return;
      pause(last, {});
    }
  });
  if (!ended)
    log(LogLevel::warning, fmt::format("an instance may be left at AWS, 'nestbox reap' finds it: "
                                       "{}",
                                       ended.error().message));
}

void Account::end(const std::string& instance) noexcept {
  const Deadline deadline = Deadline::after(k_end_limit);
  const Result<void> ended = catch_error([&] {
    aws::Refusal refusal;
    value_or_throw(
        settled(terminate(instance), "ending an instance", k_new_instance, refusal, deadline, {}));
  });
  if (!ended)
    log(LogLevel::warning,
        fmt::format("instance '{}' could not be ended; it ends itself when its time to live is "
                    "over, or by 'nestbox reap': {}",
                    instance, ended.error().message));
}

std::string Account::region(Deadline deadline, const CancelToken& cancel) {
  return client(deadline, cancel).service().region;
}

std::string Account::check(Deadline deadline, const CancelToken& cancel) {
  const aws::Credentials credentials = m_credentials.get(deadline, cancel);
  our_instances(deadline, cancel);
  return fmt::format("{}, region {}", credentials.origin, region(deadline, cancel));
}

Account::Rental::Rental(Account& account, std::string id, Allowance::Share share)
    : m_account(account), m_id(std::move(id)), m_share(std::move(share)) {}

Account::Rental::~Rental() {
  m_account.end(m_id);
}

std::string Account::Rental::console() const {
  const Deadline deadline = Deadline::after(k_console_limit);
  const Result<std::string> text = catch_error([&] {
    return value_or_throw(
        parse_console(m_account.client(deadline, {})
                          .send(console_output(m_id), "reading a console", deadline, {})
                          .body));
  });
  return text.value_or("");
}

}  // namespace nestbox::ec2
