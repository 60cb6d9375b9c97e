#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <fstream>
#include <optional>

#include "harness/base/pipe.hpp"
#include "tests/functional/docker_engine.hpp"
#include "tests/support/machine_shell.hpp"
#include "vmdrivers/docker/engine.hpp"

namespace nestbox {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class DockerImages : public testing::Test {
protected:
  std::string resolve(const std::string& image) { return driver->resolve_image(image, soon(), {}); }

  /// The directory of a Dockerfile that puts busybox on nothing, and `more`.
  fs::path dockerfile(const std::string& more) {
    const fs::path tree = directory.path() / "image";
    fs::create_directories(tree);
    fs::copy_file(*busybox_container().disk, tree / "rootfs.tar",
                  fs::copy_options::overwrite_existing);
    std::ofstream(tree / "Dockerfile") << "FROM scratch\nADD rootfs.tar /\n" << more;
    return tree;
  }

  std::unique_ptr<Machine> boot(const std::string& image) {
    MachineSpec spec;
    spec.name = "one";
    spec.image = image;
    return driver->boot(spec, {}, soon(), {});
  }

  TemporaryDirectory directory;
  std::unique_ptr<Driver> driver = make_docker_driver();
  docker::Engine engine{docker_daemon().socket()};
};

TEST_F(DockerImages, AreBuiltFromADockerfileOnce) {
  const fs::path tree =
      dockerfile("ENV GREETING=hello PATH=/own/bin:/bin\n"
                 "RUN mkdir -p /own/bin && echo 'echo \"$@\"' > /own/bin/speak\n"
                 "RUN chmod 755 /own/bin/speak\n"
                 "USER 1234\nWORKDIR /own\nVOLUME /data\nENTRYPOINT [\"false\"]\n");
  const std::string image = resolve("dockerfile:" + tree.string());
  EXPECT_EQ(resolve("dockerfile:" + tree.string()), image);
  const auto machine = boot(image);
  EXPECT_EQ(shell(*machine, "speak $GREETING; id -u; echo $HOME"), "hello\n0\n/root\n");
  EXPECT_THAT(shell(*machine, "command -v nestbox"), HasSubstr("/run/nestbox/bin/nestbox"));
}

TEST_F(DockerImages, SayWhatWentWrongInADockerfile) {
  try {
    resolve("dockerfile:" + dockerfile("RUN echo sad >&2; exit 7\n").string());
    ADD_FAILURE() << "built";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::infrastructure);
    EXPECT_THAT(error.message, HasSubstr("exit 7' returned a non-zero code: 7"));
  }
}

TEST_F(DockerImages, AreFoundByName) {
  const std::string image = resolve("dockerfile:" + dockerfile("LABEL a=b\n").string());
  engine.call({.method = "POST", .path = "/images/" + image + "/tag?repo=team/app&tag=1"}, soon());
  EXPECT_EQ(resolve("docker:team/app:1"), image);
}

TEST_F(DockerImages, AreLoadedFromAnArchive) {
  const std::string image = resolve("dockerfile:" + dockerfile("LABEL c=d\n").string());
  engine.call({.method = "POST", .path = "/images/" + image + "/tag?repo=team/saved&tag=1"},
              soon());
  const fs::path archive = directory.path() / "saved.tar";
  std::ofstream file(archive, std::ios::binary);
  engine.call({.path = "/images/team/saved:1/get",
               .sink =
                   [&](std::string_view bytes) {
                     file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
                   }},
              soon());
  file.close();
  engine.call({.method = "DELETE", .path = "/images/team/saved:1"}, soon());
  EXPECT_EQ(resolve("docker-archive:" + archive.string()), image);
  EXPECT_EQ(shell(*boot(image), "echo up"), "up\n");
}

/// A registry on the loopback of the daemon's own network; ends with the object.
class Registry {
public:
  Registry() {
    std::ofstream(m_directory.path() / "settings.yml")
        << "version: 0.1\nstorage: {filesystem: {rootdirectory: "
        << (m_directory.path() / "data").string() << "}}\nhttp: {addr: \"" << k_address << "\"}\n";
    Pipe output;
    m_process = Process::spawn(
        {.argv = docker_daemon().beside(
             {"docker-registry", "serve", (m_directory.path() / "settings.yml").string()}),
         .descriptors = {{2, output.writing.get()}}});
    output.writing.close();
    std::string said;
    std::array<char, 4096> buffer;
    while (said.find("listening on") == std::string::npos) {
      const ssize_t count = wait_readable(output.reading.get(), soon()) == Wait::ready
                                ? ::read(output.reading.get(), buffer.data(), buffer.size())
                                : 0;
      if (count <= 0)
        throw Error(ErrorCode::infrastructure, "the registry does not start", said);
      said.append(buffer.data(), static_cast<std::size_t>(count));
    }
    m_output = std::move(output.reading);
  }

  static constexpr const char* k_address = "127.0.0.1:5000";

private:
  TemporaryDirectory m_directory;
  FileDescriptor m_output;  ///< open as long as it writes
  std::optional<Process> m_process;
};

TEST_F(DockerImages, ArePulledFromARegistryByName) {
  const Registry registry;
  const std::string name = std::string(Registry::k_address) + "/team/app";
  const std::string image = resolve("dockerfile:" + dockerfile("LABEL e=f\n").string());
  const auto docker = [&](std::vector<std::string> argv) {
    argv.insert(argv.begin(), {"docker", "--host", docker_daemon().host()});
    return run_checked({.argv = argv}, soon());
  };
  for (const char* tag : {":latest", ":2"}) {
    docker({"tag", image, name + tag});
    docker({"push", "--quiet", name + tag});
  }
  docker({"rmi", "--force", image});
  EXPECT_EQ(resolve("docker:" + name), image);
  EXPECT_EQ(shell(*boot(image), "echo up"), "up\n");
  EXPECT_EQ(docker({"images", "--format", "{{.Tag}}", name}), "latest\n") << "and no other";
  EXPECT_EQ(resolve("docker:" + name + ":2"), image);
}

TEST_F(DockerImages, SayWhichNameCannotBePulled) {
  try {
    resolve("docker:127.0.0.1:1/none");
    ADD_FAILURE() << "pulled";
  } catch (const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("the container engine refused"));
    EXPECT_THAT(error.trace, testing::Contains("while pulling image '127.0.0.1:1/none'"));
    EXPECT_NE(error.hint, "");
  }
}

}  // namespace
}  // namespace nestbox
