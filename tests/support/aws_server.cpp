#include "tests/support/aws_server.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "harness/base/text.hpp"

namespace nestbox::test {
namespace {

Deadline soon() {
  return Deadline::after(std::chrono::minutes(2));
}

std::string read_line(const FileDescriptor& file) {
  std::string line;
  char byte = 0;
  while (wait_readable(file.get(), soon()) == Wait::ready && ::read(file.get(), &byte, 1) == 1
         && byte != '\n')
    line += byte;
  return line;
}

}  // namespace

AwsServer::AwsServer() : AwsServer(ProcessSpec()) {}

AwsServer::AwsServer(ProcessSpec docker_machine)
    : m_process([&] {
        ProcessSpec& spec = docker_machine;
        spec.argv.insert(spec.argv.begin(), {"python3", "-B", NESTBOX_AWS_SERVER});
        spec.descriptors = {
            {0, m_input.reading.get()}, {1, m_output.writing.get()}, {2, STDERR_FILENO}};
        spec.whole_tree = true;
        return Process::spawn(spec);
      }()) {
  m_output.writing.close();
  m_port = read_line(m_output.reading);
  if (m_port.empty())
    throw Error(ErrorCode::infrastructure, "the AWS server of the tests does not start");
}

std::string AwsServer::endpoint() const {
  return "http://127.0.0.1:" + m_port;
}

aws::Variables AwsServer::variables(bool with_key) const {
  aws::Variables variables = {{"AWS_ENDPOINT_URL", endpoint()},
                              {"AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint()},
                              {"AWS_REGION", "us-east-1"},
                              {"HOME", "/nonexistent"}};
  if (with_key) {
    variables["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
    variables["AWS_SECRET_ACCESS_KEY"] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  }
  return variables;
}

void AwsServer::control(const nlohmann::json& wish) {
  m_http.send({.method = "POST", .url = endpoint() + "/_control", .body = wish.dump()}, soon());
}

void AwsServer::fault(const nlohmann::json& fault) {
  control({{"faults", nlohmann::json::array({fault})}});
}

bool AwsServer::await_held() {
  return m_http.send({.url = endpoint() + "/_held"}, soon()).success();
}

void AwsServer::set(const std::string& name, const nlohmann::json& value) {
  control({{"set", {{name, value}}}});
}

nlohmann::json AwsServer::state() {
  return nlohmann::json::parse(
      m_http.send({.url = endpoint() + "/_state", .limit = mebibytes(64)}, soon()).body);
}

int AwsServer::ssh_port() {
  return state().at("ssh_port");
}

std::size_t AwsServer::running() {
  std::size_t count = 0;
  const nlohmann::json now = state();
  for (const nlohmann::json& instance : now.at("instances"))
    count += instance.at("state") == "running" || instance.at("state") == "pending";
  return count;
}

}  // namespace nestbox::test
