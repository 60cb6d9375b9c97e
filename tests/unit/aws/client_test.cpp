#include "harness/aws/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/aws_server.hpp"

namespace nestbox::aws {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

Deadline soon() {
  return Deadline::after(2min);
}

constexpr Backoff k_quick = {.first = 1ms, .longest = 5ms, .attempts = 5};

Request describe() {
  return {.method = "POST",
          .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
          .body = "Action=DescribeInstances&Version=2016-11-15"};
}

class ClientTest : public testing::Test {
protected:
  void use(Variables variables) {
    m_credentials.emplace(variables, m_http);
    m_client.emplace(service_of(variables, "ec2", "us-east-1"), *m_credentials, m_http, k_quick);
  }

  Result<HttpReply> ask() {
    return catch_error([&] { return m_client->send(describe(), "listing", soon(), {}); });
  }

  test::AwsServer m_server;
  HttpClient m_http;
  std::optional<CredentialSource> m_credentials;
  std::optional<Client> m_client;
};

TEST_F(ClientTest, SignsWhatItSends) {
  use(m_server.variables());
  EXPECT_EQ(ask().value().status, 200);
}

TEST_F(ClientTest, SaysWhoseKeyIsRefused) {
  Variables variables = m_server.variables();
  variables["AWS_SECRET_ACCESS_KEY"] = "hunter2";
  use(variables);
  const Error error = ask().error();
  EXPECT_THAT(error.message, HasSubstr("AWS refuses the credentials of the environment"));
  EXPECT_THAT(error.message, HasSubstr("SignatureDoesNotMatch"));
  EXPECT_THAT(error.render(), Not(HasSubstr("hunter2")));
  variables["AWS_ACCESS_KEY_ID"] = "AKIDUNKNOWN";
  use(variables);
  EXPECT_THAT(ask().error().message, HasSubstr("AuthFailure"));
}

TEST_F(ClientTest, AsksAgainWhenItIsThrottled) {
  use(m_server.variables());
  m_server.fault({{"action", "DescribeInstances"}, {"kind", "throttle"}, {"times", 3}});
  EXPECT_TRUE(ask());
  EXPECT_EQ(m_server.state().at("requests").size(), 4U);
}

TEST_F(ClientTest, GivesUpWhenItIsThrottledForGood) {
  use(m_server.variables());
  m_server.fault({{"action", "*"}, {"kind", "throttle"}, {"times", 100}});
  const Error error = ask().error();
  EXPECT_EQ(error.code, ErrorCode::infrastructure);
  EXPECT_THAT(error.message, HasSubstr("too busy"));
  EXPECT_EQ(m_server.state().at("requests").size(), 5U);
}

TEST_F(ClientTest, SurvivesConnectionsThatBreak) {
  use(m_server.variables());
  for (const char* kind : {"drop", "drop_after", "cut"}) {
    m_server.fault({{"action", "*"}, {"kind", kind}, {"times", 2}});
    EXPECT_TRUE(ask()) << kind;
  }
  m_server.fault({{"action", "*"}, {"kind", "drop"}, {"times", 100}});
  EXPECT_EQ(ask().error().code, ErrorCode::io);
}

TEST_F(ClientTest, DatesRequestsByTheServicesClockWhenOursIsWrong) {
  use(m_server.variables());
  m_server.set("clock", 3 * 3600);
  EXPECT_TRUE(ask());
  EXPECT_TRUE(ask());
  EXPECT_EQ(m_server.state().at("requests").size(), 3U);
}

TEST_F(ClientTest, TakesTheRoleOfTheInstance) {
  use(m_server.variables(false));
  EXPECT_TRUE(ask());
  EXPECT_EQ(m_credentials->get(soon(), {}).origin, "instance role 'nestbox-runner'");
}

TEST_F(ClientTest, KeepsARoleUntilItsCredentialsAreAboutToExpire) {
  use(m_server.variables(false));
  EXPECT_EQ(m_credentials->get(soon(), {}), m_credentials->get(soon(), {}));
  m_server.set("role_seconds", 60);
  use(m_server.variables(false));
  EXPECT_NE(m_credentials->get(soon(), {}), m_credentials->get(soon(), {}));
}

TEST_F(ClientTest, RenewsARoleThatTheServiceSaysHasExpired) {
  use(m_server.variables(false));
  const Credentials first = m_credentials->get(soon(), {});
  m_server.fault({{"action", "*"}, {"kind", "expired"}});
  EXPECT_TRUE(ask());
  EXPECT_NE(m_credentials->get(soon(), {}), first);
}

TEST_F(ClientTest, SaysThatASessionHasExpired) {
  Variables variables = m_server.variables();
  variables["AWS_ACCESS_KEY_ID"] = "ASIAEXPIRED";
  variables["AWS_SECRET_ACCESS_KEY"] = "expired";
  variables["AWS_SESSION_TOKEN"] = "old-token";
  use(variables);
  EXPECT_THAT(ask().error().message,
              HasSubstr("the AWS credentials of the environment have expired"));
}

TEST_F(ClientTest, SaysWhereItLookedForCredentials) {
  Variables variables = m_server.variables(false);
  variables["AWS_EC2_METADATA_DISABLED"] = "true";
  use(variables);
  EXPECT_EQ(ask().error().message,
            "no AWS credentials: not in the environment, not in profile 'default', and no instance "
            "role");
}

TEST_F(ClientTest, StopsWaitingWhenCancelled) {
  use(m_server.variables());
  m_server.fault({{"action", "*"}, {"kind", "throttle"}, {"times", 100}});
  Client patient(service_of(m_server.variables(), "ec2", "us-east-1"), *m_credentials, m_http,
                 {.first = 10min, .longest = 10min, .attempts = 100});
  CancelSource source;
  source.cancel();
  const auto sent =
      catch_error([&] { return patient.send(describe(), "listing", soon(), source.token()); });
  EXPECT_EQ(sent.error().code, ErrorCode::cancelled);
}

TEST(Service, IsWhereTheEnvironmentSaysOrAtAws) {
  EXPECT_EQ(service_of({}, "ec2", "eu-west-1").endpoint, "https://ec2.eu-west-1.amazonaws.com");
  EXPECT_EQ(service_of({}, "s3", "cn-north-1").endpoint, "https://s3.cn-north-1.amazonaws.com.cn");
  const Variables variables = {{"AWS_ENDPOINT_URL", "http://all/"},
                               {"AWS_ENDPOINT_URL_S3", "http://s3:9000"}};
  EXPECT_EQ(service_of(variables, "s3", "r").endpoint, "http://s3:9000");
  EXPECT_EQ(service_of(variables, "ec2", "r").endpoint, "http://all");
}

TEST(Refusal, IsReadInBothForms) {
  EXPECT_EQ(parse_refusal(503, "<Error><Code>SlowDown</Code><Message>m</Message></Error>"),
            (Refusal{503, "SlowDown", "m"}));
  EXPECT_EQ(parse_refusal(400, "<Response><Errors><Error><Code>X</Code><Message>m</Message></Error>"
                               "</Errors></Response>"),
            (Refusal{400, "X", "m"}));
  EXPECT_EQ(parse_refusal(502, "<html>"), (Refusal{502, "HTTP 502", ""}));
}

TEST(Refusal, BecomesAnErrorOfItsOwn) {
  const auto text = [](const char* code, int status = 400) {
    return to_error({status, code, "words"}, "starting an instance", "profile 'ci'").message;
  };
  EXPECT_EQ(text("VcpuLimitExceeded"),
            "starting an instance: a quota of the AWS account is used up: words "
            "(VcpuLimitExceeded)");
  EXPECT_THAT(text("InsufficientInstanceCapacity", 500), HasSubstr("no such machine to give"));
  EXPECT_THAT(text("UnauthorizedOperation", 403), HasSubstr("profile 'ci' may not do that"));
  EXPECT_THAT(text("AuthFailure", 401), HasSubstr("refuses the credentials of profile 'ci'"));
  EXPECT_EQ(to_error({404, "NoSuchBucket", "gone"}, "listing", "x").code, ErrorCode::not_found);
}

}  // namespace
}  // namespace nestbox::aws
