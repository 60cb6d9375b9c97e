#include "harness/net/switch_state.hpp"

#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "tests/unit/net/station.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::ethernet;
using testing::mac;

SwitchState some_state() {
  SwitchState state;
  state.links = {{"a", {.latency = 20ms, .loss = 0.1, .mtu = 1400}, 1}, {"b", {.down = true}, 0}};
  state.stations = {{mac(1), 0}, {mac(2), 1}};
  state.frames = {{0ms, 1, Direction::out, 0, frame_in_stream(ethernet(mac(2), mac(1), "one"))},
                  {5ms, 0, Direction::in, 0, frame_in_stream(ethernet(mac(2), mac(1), "two"))}};
  return state;
}

std::string complaint(std::string_view bytes) {
  try {
    decode_switch_state(bytes);
    return "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    return error.message;
  }
}

TEST(SwitchState, IsReadBackAsItWas) {
  EXPECT_EQ(decode_switch_state(encode({})), SwitchState{});
  EXPECT_EQ(decode_switch_state(encode(some_state())), some_state());
}

// What is stored must be read by the next version, too.
TEST(SwitchState, HasAFormThatStays) {
  SwitchState state;
  state.links = {{"a", {.latency = 1ms, .rate = 1000}, 2}};
  state.stations = {{mac(1), 0}};
  state.frames = {{1us, 0, Direction::out, 0, frame_in_stream(std::string(14, 'x'))}};
  using namespace std::string_literals;
  EXPECT_EQ(encode(state), "nestbox switch 1\n"
                           "\0\0\0\x01"
                           "\0\0\0\x01"
                           "a\0"
                           "\0\0\0\0\0\x0f\x42\x40"
                           "\0\0\0\0\0\0\0\0"
                           "\0\0\0\0\0\0\0\0"
                           "\0\0\0\0\0\0\0\0"
                           "\0\0\0\0\0\0\0\0"
                           "\0\0\0\0\0\0\x03\xe8"
                           "\0\0\0\0\0\0\0\0"
                           "\0\0\0\x02"
                           "\0\0\0\x01"
                           "\x02\0\0\0\0\x01"
                           "\0\0\0\0"
                           "\0\0\0\x01"
                           "\0\0\0\0\0\0\x03\xe8"
                           "\0\0\0\0"
                           "\x01"
                           "\0\0\0\0"
                           "\0\0\0\x0e"
                           "xxxxxxxxxxxxxx"s);
}

TEST(SwitchState, RefusesWhatItDidNotWrite) {
  const std::string whole = encode(some_state());
  EXPECT_EQ(complaint(""), "a switch's state is of another version, or none at all");
  EXPECT_EQ(complaint("nestbox switch 2\n"),
            "a switch's state is of another version, or none at all");
  EXPECT_EQ(complaint(whole + "x"), "a switch's state goes on behind its end");
  for (std::size_t size = 17; size < whole.size(); ++size)
    EXPECT_EQ(complaint(whole.substr(0, size)), "a switch's state ends too early") << size;
}

TEST(SwitchState, RefusesWhatNoSwitchCanHold) {
  const auto with = [](const std::function<void(SwitchState&)>& change) {
    SwitchState state = some_state();
    change(state);
    return complaint(encode(state));
  };
  EXPECT_EQ(with([](SwitchState& state) { state.links[1].name = "a"; }),
            "a switch's state names a link twice, or not at all");
  EXPECT_EQ(with([](SwitchState& state) { state.links[0].impairment.loss = 2; }),
            "loss is out of its bounds");
  EXPECT_EQ(with([](SwitchState& state) { state.frames[0].link = 2; }),
            "a switch's state has a number that is too large");
  EXPECT_EQ(with([](SwitchState& state) { state.frames[0].arrival = 25h; }),
            "a switch's state has a frame that is delayed too long");
  EXPECT_EQ(with([](SwitchState& state) { state.frames[0].arrival = 6ms; }),
            "a switch's state has its frames out of order");
  EXPECT_EQ(with([](SwitchState& state) { state.frames[0].in_stream.resize(10); }),
            "a switch's state has a frame that is none");
  EXPECT_EQ(with([](SwitchState& state) { std::swap(state.stations[0], state.stations[1]); }),
            "a switch's state has its stations out of order");
  EXPECT_EQ(with([](SwitchState& state) { state.links.clear(); }),
            "a switch's state names a link that it does not have");
}

}  // namespace
}  // namespace nestbox
