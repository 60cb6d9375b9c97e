// Machines that are wired to each other, forked from one template.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "harness/base/result.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/guest/verb_connection.hpp"
#include "harness/vm/snapshot.hpp"
#include "tests/functional/tiny_machines.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;
using testing::Not;

Identity identity_of(const std::string& hostname, std::vector<InterfaceIdentity> interfaces) {
  Identity identity;
  identity.hostname = hostname;
  identity.machine_id = std::string(32, 'a');
  identity.entropy = std::string(64, 'e');
  identity.realtime = std::chrono::system_clock::now().time_since_epoch();
  identity.interfaces = std::move(interfaces);
  identity.hosts = {"10.90.0.1 a a.lan", "10.90.0.2 b b.lan"};
  return identity;
}

InterfaceIdentity interface_of(int number) {
  const std::string digit = std::to_string(number);
  return {.mac = "52:54:00:00:01:0" + digit,
          .addresses = {"10.90.0." + digit + "/24", "fd00:90::" + digit + "/64"}};
}

std::string addresses(Machine& machine, const std::string& interface,
                      const std::string& scope = {}) {
  return shell(machine, "ip -o addr show dev " + interface + " " + scope + " | awk '{print $4}'");
}

/// A template of the tiny guest with two interfaces, saved with no cable in either.
class WiredMachines : public testing::Test {
protected:
  static void SetUpTestSuite() {
    s_directory = std::make_unique<TemporaryDirectory>();
    s_driver = make_machine_driver();
    MachineSpec spec = tiny_machine();
    spec.name = "template";
    spec.interfaces = {{"52:54:00:00:00:01"}, {"52:54:00:00:00:02"}};
    spec.save_directory = s_directory->path();
    auto machine = s_driver->boot(spec, {}, soon(), {});
    save(std::move(machine));
    s_template = load_snapshot(s_directory->path());
  }

  static void TearDownTestSuite() {
    s_driver.reset();
    s_directory.reset();
  }

  static inline std::unique_ptr<TemporaryDirectory> s_directory;
  static inline std::unique_ptr<Driver> s_driver;
  static inline Snapshot s_template;
};

/// Two of them, their first interfaces wired straight to each other; the second to nothing that
/// answers.
class WiredPair : public WiredMachines {
protected:
  WiredPair() {
    const SocketPair straight, loose_a, loose_b;
    m_a = s_driver->fork(
        s_template, {.name = "a", .cables = {straight.ours.get(), loose_a.ours.get()}}, soon(), {});
    m_b = s_driver->fork(s_template,
                         {.name = "b", .cables = {straight.theirs.get(), loose_b.ours.get()}},
                         soon(), {});
  }

  void thaw() {
    m_a->transport().thaw(identity_of("a", {interface_of(1)}), soon());
    m_b->transport().thaw(identity_of("b", {interface_of(2)}), soon());
  }

  std::unique_ptr<Machine> m_a;
  std::unique_ptr<Machine> m_b;
};

TEST_F(WiredPair, ReachEachOtherByAddressAndByNameAtOnce) {
  thaw();
  shell(*m_a, "ping -c 1 -W 20 10.90.0.2");
  shell(*m_b, "ping -c 1 -W 20 10.90.0.1");
  shell(*m_a, "ping6 -c 1 -W 20 fd00:90::2");
  shell(*m_b, "ping6 -c 1 -W 20 fd00:90::1");
  shell(*m_a, "ping -c 1 -W 20 b.lan");
  shell(*m_b, "ping -c 1 -W 20 a");
  EXPECT_EQ(shell(*m_a, "cat /sys/class/net/eth0/address"), "52:54:00:00:01:01\n");
  EXPECT_EQ(shell(*m_b, "cat /sys/class/net/eth0/address"), "52:54:00:00:01:02\n");
}

TEST_F(WiredPair, TakeTheMtuTheyAreGiven) {
  InterfaceIdentity narrow = interface_of(1);
  narrow.mtu = 1400;
  m_a->transport().thaw(identity_of("a", {narrow}), soon());
  EXPECT_EQ(shell(*m_a, "cat /sys/class/net/eth0/mtu"), "1400\n");
}

TEST_F(WiredMachines, AreWiredToNothingWithoutCables) {
  const auto alone = s_driver->fork(s_template, {.name = "alone"}, soon(), {});
  EXPECT_EQ(shell(*alone, "cat /sys/class/net/eth0/address /sys/class/net/eth1/address"),
            "52:54:00:00:00:01\n52:54:00:00:00:02\n");
  EXPECT_EQ(addresses(*alone, "eth0"), "");
}

TEST_F(WiredMachines, KeepTheOrderOfTheirDevices) {
  const auto alone = s_driver->fork(s_template, {.name = "alone"}, soon(), {});
  InterfaceIdentity second = interface_of(2);
  second.routes = {{"198.51.100.0/24", "10.90.0.9"}, {"::/0", "fd00:90::9"}};
  alone->transport().thaw(identity_of("alone", {interface_of(1), second}), soon());
  EXPECT_THAT(addresses(*alone, "eth0"), HasSubstr("10.90.0.1/24\nfd00:90::1/64\n"));
  EXPECT_THAT(addresses(*alone, "eth1"), HasSubstr("10.90.0.2/24\nfd00:90::2/64\n"));
  EXPECT_EQ(shell(*alone, "cat /sys/class/net/eth1/address"), "52:54:00:00:01:02\n");
  EXPECT_THAT(shell(*alone, "ip route"), HasSubstr("198.51.100.0/24 via 10.90.0.9 dev eth1"));
  EXPECT_THAT(shell(*alone, "ip -6 route"), HasSubstr("default via fd00:90::9 dev eth1"));
}

TEST_F(WiredMachines, GiveUpWhatAnEarlierIdentityGaveThem) {
  const auto alone = s_driver->fork(s_template, {.name = "alone"}, soon(), {});
  alone->transport().thaw(identity_of("one", {interface_of(1)}), soon());
  Identity other = identity_of("other", {interface_of(2)});
  other.hosts = {"10.90.0.2 other"};
  alone->transport().thaw(other, soon());
  EXPECT_THAT(addresses(*alone, "eth0"), HasSubstr("10.90.0.2/24\nfd00:90::2/64\n"));
  EXPECT_THAT(addresses(*alone, "eth0"), Not(HasSubstr("10.90.0.1/24")));
  EXPECT_THAT(addresses(*alone, "eth0"), Not(HasSubstr("fd00:90::1/64")));
  EXPECT_EQ(shell(*alone, "grep nestbox /etc/hosts"), "10.90.0.2 other # nestbox\n");
}

TEST_F(WiredMachines, RefuseAnIdentityForMoreDevicesThanTheyHave) {
  const auto alone = s_driver->fork(s_template, {.name = "alone"}, soon(), {});
  const auto thawed = catch_error([&] {
    alone->transport().thaw(
        identity_of("alone", {interface_of(1), interface_of(2), interface_of(3)}), soon());
  });
  ASSERT_FALSE(thawed);
  EXPECT_EQ(thawed.error().message, "the machine has 2 wired network devices, not 3");
}

TEST_F(WiredMachines, AreForkedSetUpWithWhatTheyMadeOfTheirDevices) {
  const TemporaryDirectory directory;
  const Identity identity = identity_of("a", {interface_of(1), interface_of(2)});
  auto set_up =
      s_driver->fork(s_template, {.name = "a", .save_directory = directory.path()}, soon(), {});
  set_up->transport().thaw(identity, soon());
  // An address that moves, as keepalived's does, and one that has moved to a bridge.
  shell(*set_up,
        "ip addr add 10.90.0.100/32 dev eth0; modprobe bridge; ip link add br0 type bridge;"
        "ip addr flush dev eth1; ip link set eth1 master br0");
  // The kernel gives it its link-local address a while after it is up.
  const std::string eth0 = addresses(*set_up, "eth0", "scope global");
  save(std::move(set_up));
  const Snapshot saved = load_snapshot(directory.path());
  EXPECT_EQ(saved.spec.interfaces, s_template.spec.interfaces);
  const auto clone = s_driver->fork(saved, {.name = "a"}, soon(), {});
  clone->transport().thaw(identity, soon());
  EXPECT_EQ(addresses(*clone, "eth0", "scope global"), eth0);
  EXPECT_THAT(eth0, HasSubstr("10.90.0.100/32"));
  EXPECT_THAT(addresses(*clone, "eth1"), Not(HasSubstr("10.90.0.2/24")));
  EXPECT_EQ(shell(*clone, "cat /sys/class/net/eth0/address"), "52:54:00:00:01:01\n");
}

TEST_F(WiredMachines, CallTheHostByTheNameOfNestbox) {
  const auto machine = s_driver->fork(s_template, {.name = "caller"}, soon(), {});
  std::promise<FileDescriptor> called;
  machine->transport().on_call([&](FileDescriptor socket) { called.set_value(std::move(socket)); });
  std::thread host([&] {
    VerbConnection connection(called.get_future().get());
    const VerbCall call = connection.read_call(soon());
    EXPECT_EQ(call.argv, (std::vector<std::string>{"exec", "b", "--", "cat"}));
    char buffer[65536];
    for (ssize_t count; (count = ::read(connection.input(), buffer, sizeof buffer)) > 0;)
      connection.write_output(OutputStream::standard_output,
                              {buffer, static_cast<std::size_t>(count)});
    connection.write_exit(3);
  });
  EXPECT_EQ(shell(*machine, "head -c 10000000 /dev/zero | tr '\\0' z > /tmp/sent;"
                            "nestbox exec b -- cat < /tmp/sent > /tmp/came; echo $?;"
                            "cmp /tmp/sent /tmp/came && echo same"),
            "3\nsame\n");
  host.join();
}

TEST_F(WiredMachines, CanCallTheHostThatTheyAreForkedBy) {
  const auto machine = s_driver->fork(s_template, {.name = "caller"}, soon(), {});
  EXPECT_EQ(shell(*machine, "nestbox machines 2>&1; echo $?"),
            "nestbox: the host ended the call before the verb was done\n125\n");
}

/// How a machine that runs `script` tells of its end.
Condition news_of(Machine& machine, const std::string& script) {
  std::promise<Condition> told;
  machine.on_end([&](Condition condition) { told.set_value(condition); });
  CommandIo io;
  io.output = [](OutputStream, std::string_view) {};
  EXPECT_THROW(machine.transport().run({.argv = {"/bin/sh", "-c", script}}, io, soon(), {}), Error);
  std::future<Condition> news = told.get_future();
  const bool came = news.wait_until(soon().instant()) == std::future_status::ready;
  machine.on_end({});
  return came ? news.get() : Condition::running;
}

TEST_F(WiredMachines, TellOfTheirEnd) {
  const auto fork = [&] { return s_driver->fork(s_template, {.name = "ending"}, soon(), {}); };
  EXPECT_EQ(news_of(*fork(), "echo c > /proc/sysrq-trigger; sleep 60"), Condition::panicked);
  EXPECT_EQ(news_of(*fork(), "echo o > /proc/sysrq-trigger; sleep 60"), Condition::stopped);
}

}  // namespace
}  // namespace nestbox
