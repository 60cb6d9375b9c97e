#include "vmdrivers/ec2/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "harness/base/owner.hpp"
#include "harness/vm/snapshot.hpp"
#include "tests/support/aws_server.hpp"
#include "tests/support/fake_machine.hpp"
#include "tests/support/log_recorder.hpp"
#include "vmdrivers/ec2/ownership.hpp"

namespace nestbox::ec2 {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Pace k_quick = {1ms, {.first = 1ms, .longest = 5ms, .attempts = 5}, 5s};

Deadline soon() {
  return Deadline::after(2min);
}

class Ec2DriverTest : public testing::Test {
protected:
  Ec2DriverTest() {
    ::setenv("XDG_CACHE_HOME", m_cache.path().c_str(), 1);
    m_settings = parse_settings("{image: ami-0123456789abcdef0}", "ec2.yml");
    m_settings.max_machines = 1'000;
    m_settings.max_cores = 10'000;
    m_settings.max_memory = gibibytes(10'000);
    m_spec.name = "one";
  }

  Driver& driver() {
    if (!m_driver)
      m_driver = assemble_driver([this] { return m_settings; }, m_server.variables(), k_quick,
                                 [this](const MachineSpec& spec, const SshEndpoint& endpoint,
                                        const Settings&, Deadline,
                                        const CancelToken&) -> std::unique_ptr<Machine> {
                                   EXPECT_EQ(endpoint.address, "127.0.0.1");
                                   EXPECT_TRUE(fs::exists(endpoint.identity));
                                   m_on_connect();
                                   if (m_refusals.fetch_sub(1) > 0)
                                     throw Error(ErrorCode::lost, "connection refused");
                                   return make_fake_machine(m_world, spec.name);
                                 });
    return *m_driver;
  }

  std::unique_ptr<Machine> boot(Deadline deadline = soon(), const CancelToken& cancel = {}) {
    return driver().boot(m_spec, {}, deadline, cancel);
  }

  Error refusal(Deadline deadline = soon()) {
    const auto booted = catch_error([&] { boot(deadline); });
    EXPECT_FALSE(booted);
    return booted ? Error(ErrorCode::io, "booted") : booted.error();
  }

  void fail(const char* action, const char* code, int status = 400, int times = 1) {
    m_server.fault({{"action", action},
                    {"kind", "error"},
                    {"code", code},
                    {"status", status},
                    {"times", times}});
  }

  std::string send(const aws::Request& request) {
    HttpClient http;
    aws::CredentialSource credentials(m_server.variables(), http);
    aws::Client client(aws::service_of(m_server.variables(), "ec2", "us-east-1"), credentials, http,
                       k_quick.backoff);
    return client.send(request, "testing", soon(), {}).body;
  }

  /// A key pair, a group and an instance, whose id is returned, as one run makes them.
  std::string leave(const Tags& tags) {
    send(import_key("left", "ssh-ed25519 AAAA", tags));
    const std::string group = parse_group_id(send(create_group("left", tags))).value();
    return parse_run(send(run_instance({.token = "t",
                                        .image = m_settings.image,
                                        .type = "t3.small",
                                        .key_name = "left",
                                        .group = group,
                                        .tags = tags})))
        .value()
        .id;
  }

  /// Ends the driver, and asks what is left of it.
  void expect_nothing_left() {
    m_driver.reset();
    const nlohmann::json state = m_server.state();
    EXPECT_EQ(m_server.running(), 0U);
    EXPECT_THAT(state.at("keys"), IsEmpty());
    EXPECT_THAT(state.at("groups"), IsEmpty());
  }

  TemporaryDirectory m_cache;
  test::AwsServer m_server;
  Settings m_settings;
  MachineSpec m_spec;
  std::shared_ptr<FakeWorld> m_world = std::make_shared<FakeWorld>();
  std::atomic<int> m_refusals = 0;
  std::function<void()> m_on_connect = [] {};
  std::unique_ptr<Driver> m_driver;
};

TEST_F(Ec2DriverTest, RentsAMachineAndLeavesNothing) {
  {
    const auto machine = boot();
    EXPECT_EQ(m_server.running(), 1U);
    EXPECT_THAT(machine->console(), HasSubstr("Linux version"));
    const nlohmann::json instance = m_server.state().at("instances").at(0);
    EXPECT_EQ(instance.at("tags").at("nestbox"), "1");
    EXPECT_EQ(instance.at("tags").at("nestbox.owner"), to_string(this_owner()));
    EXPECT_EQ(instance.at("tags").at("Name"), "one");
    EXPECT_EQ(instance.at("fields").at("InstanceInitiatedShutdownBehavior"), "terminate");
  }
  EXPECT_EQ(m_server.running(), 0U);
  expect_nothing_left();
}

TEST_F(Ec2DriverTest, RemovesItsSecurityGroupThoughItsKeyPairCannotBe) {
  boot();
  fail("DeleteKeyPair", "UnauthorizedOperation", 403);
  m_driver.reset();
  const nlohmann::json state = m_server.state();
  EXPECT_THAT(state.at("keys"), SizeIs(1));
  EXPECT_THAT(state.at("groups"), IsEmpty());
}

TEST_F(Ec2DriverTest, SaysWhoseAccountItUses) {
  const Availability availability = driver().availability();
  EXPECT_TRUE(availability.available) << availability.reason;
  EXPECT_EQ(availability.reason, "the environment, region us-east-1");
}

TEST_F(Ec2DriverTest, SaysWhyItIsNotAvailable) {
  m_server.fault({{"action", "*"}, {"kind", "expired"}, {"times", 100}});
  const Availability availability = driver().availability();
  EXPECT_FALSE(availability.available);
  EXPECT_THAT(availability.reason, HasSubstr("have expired"));
  EXPECT_NE(availability.hint, "");
}

TEST_F(Ec2DriverTest, WaitsForWhatIsNotVisibleYet) {
  m_server.set("ec2.invisible", 3);
  m_server.set("ec2.pending", 3);
  m_refusals = 2;
  EXPECT_TRUE(boot());
  expect_nothing_left();
}

TEST_F(Ec2DriverTest, TakesTheNextTypeWhenThereIsNoCapacity) {
  fail("RunInstances", "InsufficientInstanceCapacity", 500);
  const auto machine = boot();
  EXPECT_EQ(m_server.state().at("instances").at(0).at("fields").at("InstanceType"), "t3.medium");
}

TEST_F(Ec2DriverTest, SaysThatThereIsNoCapacityAtAll) {
  fail("RunInstances", "InsufficientInstanceCapacity", 500, 100);
  EXPECT_THAT(refusal().message, HasSubstr("AWS has no such machine to give now"));
  expect_nothing_left();
}

TEST_F(Ec2DriverTest, SaysThatAQuotaIsUsedUp) {
  m_server.set("ec2.vcpus", 0);
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::infrastructure);
  EXPECT_THAT(error.message, HasSubstr("a quota of the AWS account is used up"));
  expect_nothing_left();
}

TEST_F(Ec2DriverTest, SaysThatACredentialIsRefused) {
  fail("ImportKeyPair", "UnauthorizedOperation", 403);
  EXPECT_THAT(refusal().message, HasSubstr("the environment may not do that"));
  expect_nothing_left();
}

TEST_F(Ec2DriverTest, ShowsTheConsoleOfAnInstanceThatDidNotStart) {
  m_server.set("ec2.dies_at_boot", 1);
  m_server.set("ec2.console", "Kernel panic - not syncing: no init\n");
  const Error error = refusal();
  EXPECT_THAT(error.message, HasSubstr("is terminated instead of running"));
  EXPECT_THAT(error.message, HasSubstr("Internal error on launch"));
  EXPECT_THAT(error.message, HasSubstr("Kernel panic"));
  EXPECT_THAT(error.trace, Contains("while booting machine 'one' (driver ec2)"));
  expect_nothing_left();
}

TEST_F(Ec2DriverTest, GivesUpOnAnInstanceThatNeverStarts) {
  m_server.set("ec2.pending", 1'000'000);
  EXPECT_THAT(refusal(Deadline::after(500ms)).code,
              testing::AnyOf(ErrorCode::infrastructure, ErrorCode::timeout));
  expect_nothing_left();
}

TEST_F(Ec2DriverTest, StartsOneInstanceHoweverOftenTheReplyIsLost) {
  m_server.fault({{"action", "RunInstances"}, {"kind", "drop_after"}, {"times", 3}});
  const auto machine = boot();
  EXPECT_THAT(m_server.state().at("instances"), SizeIs(1));
}

TEST_F(Ec2DriverTest, EndsAnInstanceThatItWasNeverToldOf) {
  m_server.set("ec2.invisible", 3);
  m_server.fault({{"action", "RunInstances"}, {"kind", "drop_after"}, {"times", 100}});
  refusal();
  EXPECT_THAT(m_server.state().at("instances"), SizeIs(1));
  expect_nothing_left();
}

TEST_F(Ec2DriverTest, SurvivesThrottlingLostRepliesAndAWrongClock) {
  m_server.set("clock", -7200);
  for (const char* action :
       {"ImportKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "RunInstances",
        "DescribeInstances", "TerminateInstances", "DeleteSecurityGroup"})
    for (const char* kind : {"throttle", "drop", "drop_after", "cut"})
      m_server.fault({{"action", action}, {"kind", kind}});
  EXPECT_TRUE(boot());
  expect_nothing_left();
}

TEST_F(Ec2DriverTest, StopsWhenCancelled) {
  m_refusals = 1'000'000;
  CancelSource source;
  m_on_connect = [&] { source.cancel(); };
  const auto booted = catch_error([&] { boot(soon(), source.token()); });
  EXPECT_EQ(booted.error().code, ErrorCode::cancelled);
  expect_nothing_left();
}

TEST_F(Ec2DriverTest, SavesAMachineAsAnImageAndForksIt) {
  const TemporaryDirectory directory;
  m_spec.save_directory = directory.path();
  auto machine = boot();
  const Snapshot snapshot = machine->save(soon());
  machine.reset();
  EXPECT_TRUE(snapshot.spec.image.starts_with("ami-"));
  EXPECT_EQ(m_server.running(), 0U);
  const auto clone = driver().fork(snapshot, {.name = "clone"}, soon(), {});
  const nlohmann::json instances = m_server.state().at("instances");
  EXPECT_EQ(instances.at(1).at("fields").at("ImageId"), snapshot.spec.image);
}

TEST_F(Ec2DriverTest, MakesOneImageHoweverOftenTheReplyIsLost) {
  const TemporaryDirectory directory;
  m_spec.save_directory = directory.path();
  const auto machine = boot();
  m_server.set("ec2.invisible", 3);
  m_server.fault({{"action", "CreateImage"}, {"kind", "drop_after"}, {"times", 3}});
  const Snapshot snapshot = machine->save(soon());
  const nlohmann::json images = m_server.state().at("images");
  ASSERT_THAT(images, SizeIs(2));
  EXPECT_EQ(images.at(1).at("id"), snapshot.spec.image);
}

TEST_F(Ec2DriverTest, OwnsTheImageOfASavedMachineUntilItsLayerIsPublished) {
  const TemporaryDirectory directory;
  m_spec.save_directory = directory.path();
  const Snapshot snapshot = boot()->save(soon());
  const auto tags = [&] { return m_server.state().at("images").at(1).at("tags"); };
  EXPECT_EQ(tags().at("nestbox.owner"), to_string(this_owner()));
  driver().keep(snapshot);
  EXPECT_EQ(tags().at("nestbox"), "1");
  EXPECT_FALSE(tags().contains("nestbox.owner"));
  EXPECT_FALSE(tags().contains("nestbox.host"));
  expect_nothing_left();
  EXPECT_THAT(m_server.state().at("images"), SizeIs(2));
  EXPECT_THAT(m_server.state().at("snapshots"), SizeIs(1));
}

TEST_F(Ec2DriverTest, EndsAnImageWhoseLayerWasNotPublished) {
  const TemporaryDirectory directory;
  m_spec.save_directory = directory.path();
  boot()->save(soon());
  expect_nothing_left();
  EXPECT_THAT(m_server.state().at("images"), SizeIs(1));
  EXPECT_THAT(m_server.state().at("snapshots"), IsEmpty());
}

TEST_F(Ec2DriverTest, ReapsAnImageWhoseMakerWasKilled) {
  Owner dead = this_owner();
  ++dead.start_time;
  const Tags tags = {{"nestbox", "1"}, {"nestbox.owner", to_string(dead)}};
  m_server.set("ec2.pending", 0);
  const std::string instance = leave(tags);
  send(describe_instance(instance));  // it runs from then on
  send(create_image(instance, "left", false, tags));
  EXPECT_THAT(driver().reap(true, soon(), {}), SizeIs(5));
  EXPECT_THAT(m_server.state().at("snapshots"), SizeIs(1));
  for (const Leftover& leftover : driver().reap(false, soon(), {}))
    EXPECT_EQ(leftover.failed, "") << leftover.what;
  EXPECT_THAT(m_server.state().at("images"), SizeIs(1));
  EXPECT_THAT(m_server.state().at("snapshots"), IsEmpty());
  expect_nothing_left();
}

class Ec2ImagesTest : public Ec2DriverTest {
protected:
  /// Saved as what is to be a layer of the cache.
  Snapshot save() {
    const fs::path layer = cache_directory() / "layers" / "key";
    fs::create_directories(layer);
    m_spec.save_directory = layer;
    return boot()->save(soon());
  }
  static void drop_layer() { remove_tree(cache_directory() / "layers" / "key"); }

  std::size_t images() { return m_server.state().at("images").size() - 1; }
  std::size_t snapshots() { return m_server.state().at("snapshots").size(); }

  const bool m_known = !this_host().empty();  ///< else nothing says of which host they are
};

TEST_F(Ec2ImagesTest, StayForAsLongAsTheirLayerAndAreReapedThen) {
  driver().keep(save());
  expect_nothing_left();
  EXPECT_THAT(driver().reap(false, soon(), {}), IsEmpty());
  EXPECT_EQ(images(), 1U);
  drop_layer();
  EXPECT_THAT(driver().reap(true, soon(), {}), SizeIs(m_known ? 2 : 0));
  for (const Leftover& leftover : driver().reap(false, soon(), {})) {
    EXPECT_EQ(leftover.owner, "a layer that is gone");
    EXPECT_EQ(leftover.failed, "");
  }
  EXPECT_EQ(images(), m_known ? 0U : 1U);
  EXPECT_EQ(snapshots(), images());
}

TEST_F(Ec2ImagesTest, StayWhenOtherHostsWereGivenTheirLayer) {
  const Snapshot snapshot = save();
  driver().keep(snapshot);
  driver().share(snapshot);
  driver().share(snapshot);
  drop_layer();
  EXPECT_THAT(driver().reap(false, soon(), {}), IsEmpty());
  EXPECT_EQ(images(), 1U);
  send(deregister_image(snapshot.spec.image));
  const LogRecorder log;
  EXPECT_NO_THROW(driver().share(snapshot));
  EXPECT_THAT(log.lines(), Contains(HasSubstr(snapshot.spec.image + "' is gone")));
}

TEST_F(Ec2ImagesTest, StayWhenTheirLayerWasPublishedJustBeforeTheirMakerWasKilled) {
  Owner dead = this_owner();
  ++dead.start_time;
  const Tags tags = {{"nestbox", "1"}, {"nestbox.owner", to_string(dead)}};
  m_server.set("ec2.pending", 0);
  const std::string instance = leave(tags);
  send(describe_instance(instance));  // it runs from then on
  const std::string image = parse_image_id(send(create_image(instance, "l", false, tags))).value();
  fs::create_directories(cache_directory() / "layers" / "key");
  MachineSpec spec = m_spec;
  spec.image = image;
  store_snapshot({cache_directory() / "layers" / "key", spec});
  EXPECT_THAT(driver().reap(false, soon(), {}), SizeIs(3)) << "instance, key pair, group";
  EXPECT_EQ(images(), 1U);
  EXPECT_EQ(snapshots(), 1U);
}

TEST_F(Ec2ImagesTest, OfAnotherCacheAreLeftToIt) {
  Owner dead = this_owner();
  ++dead.start_time;
  const Tags tags = {
      {"nestbox", "1"}, {"nestbox.owner", to_string(dead)}, {"nestbox.cache", "another"}};
  m_server.set("ec2.pending", 0);
  const std::string instance = leave({{"nestbox", "1"}});
  send(describe_instance(instance));  // it runs from then on
  send(create_image(instance, "l", false, tags));
  EXPECT_THAT(driver().reap(false, soon(), {}), IsEmpty());
  EXPECT_EQ(images(), 1U);
  EXPECT_EQ(snapshots(), 1U);
}

TEST_F(Ec2ImagesTest, AreLookedForInLayersThatSaySomethingOfMachines) {
  const fs::path layers = cache_directory() / "layers";
  fs::create_directories(layers / "none");
  EXPECT_EQ(texts_of_layers(), "");
  fs::create_directories(layers / "unreadable" / k_snapshot_file);
  EXPECT_THROW(texts_of_layers(), Error);
}

TEST_F(Ec2DriverTest, SaysThatASnapshotIsLostWhenItsImageIsGone) {
  const TemporaryDirectory directory;
  m_spec.save_directory = directory.path();
  const Snapshot snapshot = boot()->save(soon());
  send(deregister_image(snapshot.spec.image));
  const auto fork = [&] {
    return catch_error([&] { driver().fork(snapshot, {.name = "clone"}, soon(), {}); });
  };
  EXPECT_EQ(fork().error().code, ErrorCode::lost);
  fail("RunInstances", "InvalidAMIID.Unavailable");
  EXPECT_EQ(fork().error().code, ErrorCode::lost);
  m_spec.image = snapshot.spec.image;
  EXPECT_EQ(refusal().code, ErrorCode::not_found);
}

TEST_F(Ec2DriverTest, SaysWhileItIsPlannedHowLargeMachinesMayBe) {
  EXPECT_EQ(driver().capabilities().bounds, bounds(m_settings));
  EXPECT_THAT(m_server.state().at("requests"), IsEmpty());
}

TEST_F(Ec2DriverTest, TellsSnapshotsOfRegionsApart) {
  EXPECT_THAT(driver().snapshot_key(), HasSubstr("us-east-1"));
}

TEST_F(Ec2DriverTest, TellsSnapshotsApartByWhatTheUserRunsInThem) {
  const std::string plain = driver().snapshot_key();
  m_settings.user_data = "#!/bin/sh\n";
  m_driver.reset();
  EXPECT_NE(driver().snapshot_key(), plain);
}

TEST_F(Ec2DriverTest, ReapsWhatADeadNestboxLeft) {
  Owner dead = this_owner();
  ++dead.start_time;
  leave({{"nestbox", "1"}, {"nestbox.owner", to_string(dead)}});
  const auto mine = boot();
  EXPECT_THAT(driver().reap(true, soon(), {}), SizeIs(3));
  EXPECT_EQ(m_server.running(), 2U);
  const std::vector<Leftover> ended = driver().reap(false, soon(), {});
  EXPECT_THAT(ended, SizeIs(3));
  for (const Leftover& leftover : ended)
    EXPECT_EQ(leftover.failed, "") << leftover.what;
  EXPECT_EQ(m_server.running(), 1U);
  EXPECT_THAT(driver().reap(false, soon(), {}), IsEmpty());
}

TEST_F(Ec2DriverTest, ReapsWhatThisHostLeftBeforeItWasBootedAnew) {
  // One without a machine-id cannot be told from others: what it left stays.
  const bool known = !this_host().empty();
  Owner former = this_owner();
  former.boot_id = "00000000-0000-4000-8000-000000000000";
  leave({{"nestbox", "1"}, {"nestbox.owner", to_string(former)}, {"nestbox.host", this_host()}});
  EXPECT_THAT(driver().reap(false, soon(), {}), SizeIs(known ? 3 : 0));
  if (known)
    expect_nothing_left();
}

TEST_F(Ec2DriverTest, LeavesWhatOtherHostsMadeToThem) {
  Owner other = this_owner();
  other.boot_id = "00000000-0000-4000-8000-000000000000";
  leave({{"nestbox", "1"}, {"nestbox.owner", to_string(other)}, {"nestbox.host", "another"}});
  EXPECT_THAT(driver().reap(false, soon(), {}), IsEmpty());
  EXPECT_EQ(m_server.running(), 1U);
}

TEST_F(Ec2DriverTest, LeaksNothingInAThousandLeases) {
  constexpr int k_threads = 8;
  constexpr int k_each = 125;
  const auto entries = [](const char* directory) {
    return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
  };
  boot();  // what is made once and kept is there then
  const auto threads_before = entries("/proc/self/task");
  const auto descriptors_before = entries("/proc/self/fd");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < k_threads; ++thread)
    threads.emplace_back([&] {
      for (int lease = 0; lease < k_each; ++lease)
        EXPECT_TRUE(boot());
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_THAT(m_server.state().at("instances"), SizeIs(k_threads * k_each + 1));
  EXPECT_EQ(m_world->alive, 0);
  EXPECT_EQ(entries("/proc/self/task"), threads_before);
  // A connection to the service is kept for each thread that asked at once: its socket, and the two
  // by which it is woken.
  EXPECT_LE(entries("/proc/self/fd"), descriptors_before + 3 * k_threads);
  expect_nothing_left();
}

}  // namespace
}  // namespace nestbox::ec2
