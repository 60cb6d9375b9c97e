#include "harness/net/pcapng_writer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/log.hpp"
#include "harness/base/subprocess.hpp"
#include "tests/unit/net/station.hpp"

namespace nestbox {
namespace {

using testing::ethernet;
using testing::mac;

void silence(LogLevel, std::string_view) {}

TEST(PcapngWriter, IsReadByTshark) {
  if (!find_program("tshark"))
    GTEST_SKIP() << "tshark is not installed";
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "a.pcapng";
  {
    PcapngWriter capture(file, "web.lan", mebibytes(1));
    // 15 and 16 bytes: with and without padding.
    EXPECT_TRUE(capture.write(ethernet(mac(1), mac(2), "x"), Direction::in));
    EXPECT_TRUE(capture.write(ethernet(mac(2), mac(1), "yy"), Direction::out));
    EXPECT_TRUE(capture.write(ethernet(mac(1), mac(2), std::string(65000, 'z')), Direction::in));
  }
  ProcessSpec tshark;
  tshark.argv = {"tshark", "-n", "-r", file.string(), "-T", "fields"};
  for (const char* field : {"frame.number", "frame.interface_name", "frame.packet_flags_direction",
                            "frame.len", "eth.dst", "eth.src"}) {
    tshark.argv.emplace_back("-e");
    tshark.argv.emplace_back(field);
  }
  tshark.environment = {{{"PATH", "/usr/bin:/bin"}, {"HOME", directory.path().string()}}};
  const Captured read = run_captured(tshark, testing::patience());
  EXPECT_EQ(read.output, "1\tweb.lan\t0x00000002\t15\t02:00:00:00:00:01\t02:00:00:00:00:02\n"
                         "2\tweb.lan\t0x00000001\t16\t02:00:00:00:00:02\t02:00:00:00:00:01\n"
                         "3\tweb.lan\t0x00000002\t65014\t02:00:00:00:00:01\t02:00:00:00:00:02\n")
      << read.diagnostics;
}

TEST(PcapngWriter, NotesTheNanosecond) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "a.pcapng";
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::system_clock::now().time_since_epoch());
  };
  const auto before = now();
  PcapngWriter(file, "a", mebibytes(1)).write(ethernet(mac(1), mac(2)), Direction::in);
  const auto after = now();
  const std::string bytes = read_file(file);
  std::uint32_t high = 0, low = 0;
  const std::size_t packet = bytes.size() - (44 + 16);
  std::memcpy(&high, bytes.data() + packet + 12, sizeof high);
  std::memcpy(&low, bytes.data() + packet + 16, sizeof low);
  const std::chrono::nanoseconds noted((std::uint64_t{high} << 32) + low);
  EXPECT_GE(noted, before);
  EXPECT_LE(noted, after);
}

TEST(PcapngWriter, StopsAtItsLimit) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "a.pcapng";
  set_log_sink(silence);
  std::size_t written = 0;
  {
    PcapngWriter capture(file, "a", kibibytes(4));
    while (capture.write(ethernet(mac(1), mac(2), std::string(86, 'x')), Direction::in))
      ++written;
    EXPECT_FALSE(capture.write(ethernet(mac(1), mac(2)), Direction::in));
  }
  set_log_sink(nullptr);
  EXPECT_EQ(written, (4096U - 108U) / 144U);
  EXPECT_LE(fs::file_size(file), 4096U);
  EXPECT_GE(fs::file_size(file), 4096U - 144U);
}

TEST(PcapngWriter, SaysWhichFileItCannotMake) {
  try {
    const PcapngWriter capture("/nowhere/a.pcapng", "a", mebibytes(1));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message,
              "cannot make the capture '/nowhere/a.pcapng': no such file or directory");
  }
}

}  // namespace
}  // namespace nestbox
