#pragma once

#include <string>
#include <vector>

namespace nestbox {

/// How the docker in a machine is to be, as `create --engine-…` and `--tls-san` say.
struct EngineOptions {
  std::vector<std::string> flags{};   ///< "log-driver=none", for dockerd
  std::vector<std::string> labels{};  ///< "key=value"
  std::vector<std::string> insecure_registries{};
  std::vector<std::string> registry_mirrors{};
  std::vector<std::string> environment{};  ///< "NAME=value"
  std::string storage_driver{};
  std::vector<std::string> hosts{};  ///< for its certificate, beyond what is known anyway

  bool operator==(const EngineOptions&) const = default;
};

/// What dockerd shows to its clients, and knows them by; all PEM.
struct EngineCertificates {
  std::string authority;
  std::string certificate;
  std::string key;
};

/// The port where docker-machine's engines listen, with TLS alone.
inline constexpr int k_engine_port = 2376;

/// A drop-in of systemd for docker.service. "provider=DRIVER" is one more label.
std::string engine_unit(const EngineOptions& options, const std::string& driver);

/// For a root shell in a machine with docker: has it take the certificates, and `unit` unless that
/// is empty.
std::string engine_script(const EngineCertificates& certificates, const std::string& unit);

/// "20.10.24" of `dockerd --version`'s "Docker version 20.10.24, build 297e128"; empty when it is
/// none.
std::string parse_engine_version(const std::string& told);

}  // namespace nestbox
