#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "harness/aws/variables.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/http_client.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox::test {

/// EC2, S3 and the metadata service on a port of the loopback (tests/support/aws), with every
/// request's signature checked. Ends with the object.
class AwsServer {
public:
  /// Instances are only said to run.
  AwsServer();
  /// They are real machines, which this docker-machine makes from the environment 'ami'; all of
  /// them end with the object.
  explicit AwsServer(ProcessSpec docker_machine);

  std::string endpoint() const;
  /// What AWS tools need to use it: endpoints, region, and a key unless `with_key` is false.
  aws::Variables variables(bool with_key = true) const;

  /// What `/_control` takes.
  void control(const nlohmann::json& wish);
  /// Plays a fault in: `{"action": "RunInstances", "kind": "throttle", "times": 2}`.
  void fault(const nlohmann::json& fault);
  /// Waits until a request has come that a fault of kind "hold" keeps waiting: true, once for each;
  /// false after two minutes.
  bool await_held();
  /// Sets a number of the service: "ec2.invisible", "clock", …
  void set(const std::string& name, const nlohmann::json& value);
  nlohmann::json state();
  /// Where the sshd of a real machine is.
  int ssh_port();
  /// How many instances are pending or running.
  std::size_t running();

private:
  Pipe m_input;
  Pipe m_output;
  Process m_process;
  std::string m_port;
  HttpClient m_http;
};

}  // namespace nestbox::test
