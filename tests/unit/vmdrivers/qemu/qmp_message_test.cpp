#include "vmdrivers/qemu/qmp_message.hpp"

#include <gtest/gtest.h>

namespace nestbox::qemu {
namespace {

TEST(QmpMessage, KnowsTheGreeting) {
  const auto message =
      parse_qmp_message(R"({"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}})");
  ASSERT_TRUE(message);
  EXPECT_TRUE(std::holds_alternative<QmpGreeting>(*message));
}

TEST(QmpMessage, ReadsAReply) {
  const auto message = parse_qmp_message(R"({"return": {"status": "running"}, "id": 7})");
  ASSERT_TRUE(message);
  const auto& reply = std::get<QmpReply>(*message);
  EXPECT_EQ(reply.id, 7);
  ASSERT_TRUE(reply.value);
  EXPECT_EQ((*reply.value)["status"], "running");
}

TEST(QmpMessage, ReadsAnErrorWithQemusOwnWords) {
  const auto message =
      parse_qmp_message(R"({"id": 3, "error": {"class": "GenericError", "desc": "no such fd"}})");
  ASSERT_TRUE(message);
  const auto& reply = std::get<QmpReply>(*message);
  EXPECT_EQ(reply.id, 3);
  ASSERT_FALSE(reply.value);
  EXPECT_EQ(reply.value.error().code, ErrorCode::infrastructure);
  EXPECT_EQ(reply.value.error().message, "no such fd");
}

TEST(QmpMessage, ReadsAnEvent) {
  const auto message = parse_qmp_message(
      R"({"event": "SHUTDOWN", "data": {"guest": true}, "timestamp": {"seconds": 1}})");
  ASSERT_TRUE(message);
  const auto& event = std::get<QmpEvent>(*message);
  EXPECT_EQ(event.name, "SHUTDOWN");
  EXPECT_EQ(event.data["guest"], true);
}

TEST(QmpMessage, GivesAnEventWithoutDataAnEmptyObject) {
  const auto message = parse_qmp_message(R"({"event": "STOP"})");
  ASSERT_TRUE(message);
  EXPECT_TRUE(std::get<QmpEvent>(*message).data.is_object());
}

TEST(QmpMessage, RefusesWhatIsNoneOfThese) {
  for (const char* line :
       {"", "{", "[]", "null", "{}", R"({"event": 1})", R"({"error": {}})",
        R"({"return": {}, "id": "x"})", R"({"error": "x", "id": 1})", "\x80\xff"}) {
    const auto message = parse_qmp_message(line);
    ASSERT_FALSE(message) << line;
    EXPECT_EQ(message.error().code, ErrorCode::corrupt) << line;
  }
}

TEST(QmpMessage, WritesACommandAsOneLine) {
  EXPECT_EQ(format_qmp_command(1, "cont", nlohmann::json::object()),
            "{\"execute\":\"cont\",\"id\":1}\n");
  EXPECT_EQ(format_qmp_command(2, "migrate", {{"uri", "fd:state"}}),
            "{\"arguments\":{\"uri\":\"fd:state\"},\"execute\":\"migrate\",\"id\":2}\n");
}

TEST(QmpLineReader, JoinsWhatComesInPieces) {
  QmpLineReader reader;
  reader.add("{\"a\"");
  EXPECT_EQ(*reader.next(), std::nullopt);
  reader.add(": 1}\r\n{}\n");
  EXPECT_EQ(*reader.next(), "{\"a\": 1}");
  EXPECT_EQ(*reader.next(), "{}");
  EXPECT_EQ(*reader.next(), std::nullopt);
}

TEST(QmpLineReader, RefusesALineWithoutEnd) {
  QmpLineReader reader(Bytes{16});
  reader.add("12345678901234567");
  const auto line = reader.next();
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, ErrorCode::corrupt);
  EXPECT_EQ(line.error().message, "qemu sent a line longer than 16 B over QMP");
}

}  // namespace
}  // namespace nestbox::qemu
