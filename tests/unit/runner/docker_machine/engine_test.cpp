#include "runner/docker_machine/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(DockerMachineEngine, IsStartedWithTlsAndItsOptions) {
  EXPECT_EQ(engine_unit({.flags = {"log-driver=none", "debug"},
                         .labels = {"a=b c"},
                         .insecure_registries = {"registry:5000"},
                         .registry_mirrors = {"http://mirror"},
                         .environment = {"HTTP_PROXY=http://a:$b%c\"d"},
                         .storage_driver = "overlay2"},
                        "kvm"),
            "[Service]\n"
            "ExecStart=\n"
            "ExecStart=dockerd -H fd:// -H tcp://0.0.0.0:2376 --tlsverify"
            " --tlscacert /etc/docker/ca.pem --tlscert /etc/docker/server.pem"
            " --tlskey /etc/docker/server-key.pem"
            " \"--storage-driver=overlay2\" \"--label=provider=kvm\" \"--label=a=b c\""
            " \"--insecure-registry=registry:5000\" \"--registry-mirror=http://mirror\""
            " \"--log-driver=none\" \"--debug\"\n"
            "Environment=\"HTTP_PROXY=http://a:$b%%c\\\"d\"\n");
  EXPECT_THAT(engine_unit({.flags = {"x=$y"}}, "kvm"), HasSubstr("\"--x=$$y\""));
}

TEST(DockerMachineEngine, IsSetUpByAScript) {
  const EngineCertificates certificates = {"CA\n", "SERVER\n", "KEY\n"};
  const std::string script = engine_script(certificates, "[Service]\n");
  EXPECT_THAT(script, HasSubstr("cat > /etc/docker/server-key.pem << 'END OF FILE'\n"
                                "KEY\nEND OF FILE\n"));
  EXPECT_THAT(script, HasSubstr("docker.service.d/10-machine.conf << 'END OF FILE'\n"
                                "[Service]\nEND OF FILE\nsystemctl daemon-reload\n"));
  EXPECT_THAT(engine_script(certificates, ""), Not(HasSubstr("10-machine.conf")));
}

TEST(DockerMachineEngine, TellsItsVersion) {
  EXPECT_EQ(parse_engine_version("Docker version 20.10.24+dfsg1, build 297e128\n"),
            "20.10.24+dfsg1");
  EXPECT_EQ(parse_engine_version(""), "");
}

}  // namespace
}  // namespace nestbox
