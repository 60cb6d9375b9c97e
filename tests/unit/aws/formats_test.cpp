#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/aws/credentials.hpp"
#include "harness/aws/encoding.hpp"
#include "harness/aws/profile_file.hpp"
#include "harness/aws/signature.hpp"
#include "harness/aws/xml_tree.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"

namespace nestbox::aws {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Encoding, LeavesOnlyWhatRfc3986CallsUnreserved) {
  EXPECT_EQ(uri_encode("aZ09-_.~"), "aZ09-_.~");
  EXPECT_EQ(uri_encode("a b/c+d=é"), "a%20b%2Fc%2Bd%3D%C3%A9");
  EXPECT_EQ(uri_encode("a b/c", true), "a%20b/c");
}

TEST(Encoding, SortsACanonicalQueryByItsEncodedForm) {
  EXPECT_EQ(canonical_query({{"b", "2"}, {"a", "x y"}, {"a", "1"}, {"uploads", ""}}),
            "a=1&a=x%20y&b=2&uploads=");
}

TEST(Encoding, ReadsTimes) {
  const std::chrono::sys_seconds time(std::chrono::seconds(1'369'353'600));
  EXPECT_EQ(timestamp(time), "20130524T000000Z");
  EXPECT_EQ(parse_timestamp("2013-05-24T00:00:00Z"), time);
  EXPECT_EQ(parse_timestamp("2013-05-24T00:00:00.000Z"), time);
  EXPECT_EQ(parse_timestamp("yesterday"), std::nullopt);
}

Credentials documented_credentials() {
  return {"AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), {}, {}, "a"};
}

SignedParts documented_parts() {
  return {.endpoint = "https://examplebucket.s3.amazonaws.com",
          .path = "/test.txt",
          .payload_digest = sha256(""),
          .region = "us-east-1",
          .service = "s3",
          .time = std::chrono::sys_seconds(std::chrono::seconds(1'369'353'600))};
}

TEST(SigningHeaders, AreThoseOfTheDocumentation) {
  SignedParts parts = documented_parts();
  parts.headers = {{"Range", "bytes=0-9"}};
  EXPECT_THAT(signing_headers(parts, documented_credentials()),
              testing::ElementsAre(
                  "X-Amz-Content-Sha256: "
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                  "X-Amz-Date: 20130524T000000Z",
                  "Authorization: AWS4-HMAC-SHA256 "
                  "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                  "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
                  "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
}

TEST(SigningHeaders, CoverTheQuery) {
  SignedParts parts = documented_parts();
  parts.path = "/";
  parts.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_THAT(
      signing_headers(parts, documented_credentials()).back(),
      testing::EndsWith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(PresignedLink, IsThatOfTheDocumentation) {
  EXPECT_EQ(
      presigned_link(documented_parts(), std::chrono::hours(24), documented_credentials()).value(),
      "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
      "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
      "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
      "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(PresignedLink, LastsForAWeekAtMost) {
  for (const auto lifetime : {std::chrono::seconds(0), std::chrono::seconds(7 * 86400 + 1)})
    EXPECT_EQ(presigned_link(documented_parts(), lifetime, documented_credentials()).error().code,
              ErrorCode::usage);
}

TEST(XmlTree, FindsWhatLiesInAReply) {
  const XmlElement reply = parse_xml(R"(<?xml version="1.0"?>
<R xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><set><item><id>i-1</id><state><name>running</name>
</state></item><item><id>a&amp;b</id></item></set></R>)")
                               .value();
  EXPECT_EQ(reply.name, "R");
  ASSERT_EQ(reply.items("set").size(), 2U);
  EXPECT_EQ(reply.items("set")[0].at("state/name"), "running");
  EXPECT_EQ(reply.items("set")[1].at("id"), "a&b");
  EXPECT_EQ(reply.at("set/none"), "");
  EXPECT_TRUE(reply.items("none").empty());
}

TEST(XmlTree, RefusesWhatIsTooDeepTooWideOrClever) {
  std::string deep;
  for (std::size_t i = 0; i <= k_xml_depth; ++i)
    deep += "<a>";
  EXPECT_THAT(parse_xml(deep).error().message, HasSubstr("nests too deeply"));
  std::string wide = "<a>";
  for (std::size_t i = 0; i < k_xml_elements; ++i)
    wide += "<b/>";
  EXPECT_THAT(parse_xml(wide).error().message, HasSubstr("too many elements"));
  EXPECT_THAT(parse_xml("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>").error().message,
              HasSubstr("entities"));
  for (const char* text : {"", "<a>", "<a></b>", "no", "<a/><b/>"})
    EXPECT_EQ(parse_xml(text).error().code, ErrorCode::corrupt) << text;
}

TEST(Profiles, AreReadFromBothKindsOfSections) {
  const Profiles profiles = parse_profiles("# a comment\n[default]\nregion = eu-central-1\n"
                                           "s3 =\n  max_concurrent_requests = 20\n\n"
                                           "[profile ci]\naws_access_key_id=AKID\n"
                                           "[sso-session x]\nregion = nowhere\n",
                                           "config")
                                .value();
  EXPECT_EQ(profiles.at("default").at("region"), "eu-central-1");
  EXPECT_EQ(profiles.at("default").count("max_concurrent_requests"), 0U);
  EXPECT_EQ(profiles.at("ci").at("aws_access_key_id"), "AKID");
  EXPECT_EQ(profiles.size(), 2U);
}

TEST(Profiles, AreRefusedWithoutSayingWhatTheyHold) {
  const Error error = parse_profiles("[default]\nhunter2\n", "credentials").error();
  EXPECT_THAT(error.message, HasSubstr("'credentials', line 2"));
  EXPECT_THAT(error.message, Not(HasSubstr("hunter2")));
  EXPECT_FALSE(parse_profiles("[default\n", "f"));
  EXPECT_FALSE(parse_profiles("a = b\n", "f"));
}

class ProfileFiles : public testing::Test {
protected:
  void write(const char* name, std::string_view text) {
    fs::create_directories(m_home.path() / ".aws");
    write_file_atomically(m_home.path() / ".aws" / name, text);
  }

  TemporaryDirectory m_home;
  Variables m_variables{{"HOME", m_home.path().string()}};
};

TEST_F(ProfileFiles, GiveTheCredentialsOfTheProfileThatIsAskedFor) {
  write("config", "[profile ci]\nregion = eu-west-1\naws_access_key_id = OLD\n");
  write("credentials", "[ci]\naws_access_key_id = AKID\naws_secret_access_key = secret\n"
                       "aws_session_token = token\n[default]\naws_access_key_id = OTHER\n");
  m_variables["AWS_PROFILE"] = "ci";
  const Credentials credentials = profile_credentials(m_variables).value();
  EXPECT_EQ(credentials.key_id, "AKID");
  EXPECT_EQ(credentials.key.reveal(), "secret");
  EXPECT_EQ(credentials.token.reveal(), "token");
  EXPECT_EQ(credentials.origin, "profile 'ci'");
  EXPECT_EQ(read_profile(m_variables).settings.at("region"), "eu-west-1");
}

TEST_F(ProfileFiles, MustHaveTheProfileThatIsAskedFor) {
  EXPECT_EQ(profile_credentials(m_variables), std::nullopt);
  m_variables["AWS_PROFILE"] = "absent";
  EXPECT_THROW(profile_credentials(m_variables), Error);
}

TEST(EnvironmentCredentials, ComeInPairs) {
  EXPECT_EQ(environment_credentials({}).value(), std::nullopt);
  EXPECT_EQ(environment_credentials({{"AWS_ACCESS_KEY_ID", "a"}}).error().message,
            "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
  const auto found = environment_credentials(
      {{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "b"}, {"AWS_SESSION_TOKEN", "c"}});
  EXPECT_EQ(found.value()->token.reveal(), "c");
}

TEST(RoleCredentials, AreReadOrRefused) {
  const Credentials credentials =
      parse_role_credentials(R"({"Code":"Success","AccessKeyId":"A","SecretAccessKey":"B",
        "Token":"C","Expiration":"2013-05-24T00:00:00Z"})",
                             "r")
          .value();
  EXPECT_EQ(credentials.expires, std::chrono::sys_seconds(std::chrono::seconds(1'369'353'600)));
  for (const char* text : {"", "[]", "{}", R"({"AccessKeyId":1})"})
    EXPECT_EQ(parse_role_credentials(text, "r").error().code, ErrorCode::corrupt) << text;
}

}  // namespace
}  // namespace nestbox::aws
