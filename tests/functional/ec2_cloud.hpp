#pragma once

#include <optional>

#include "tests/support/aws_server.hpp"
#include "tests/support/nestbox_program.hpp"

namespace nestbox {

/// An EC2 of the tests' own whose instances are forked virtual machines. Its end is a part of the
/// test: no process of it may be left.
class Ec2Cloud {
public:
  Ec2Cloud();
  ~Ec2Cloud();
  Ec2Cloud(const Ec2Cloud&) = delete;
  Ec2Cloud& operator=(const Ec2Cloud&) = delete;

  test::AwsServer& aws() { return *m_aws; }

  /// Lets a nestbox rent there. Images of one such cloud are of no use to another: its cache is its
  /// own.
  void set_up(NestboxProgram& nestbox);

  /// What `ec2.yml` is to say.
  std::string settings();

  static constexpr const char* k_image = "ami-0123456789abcdef0";

private:
  NestboxProgram m_program;
  std::optional<test::AwsServer> m_aws;
};

/// Lets a nestbox use an AWS of the tests' own, and nothing else of this host's user; `settings` is
/// the text of its `ec2.yml`.
void set_up_ec2(NestboxProgram& nestbox, const test::AwsServer& aws, const std::string& settings);

}  // namespace nestbox
