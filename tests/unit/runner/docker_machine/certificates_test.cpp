#include "runner/docker_machine/certificates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "harness/base/filesystem.hpp"
#include "runner/docker_machine/provision.hpp"

namespace nestbox {
namespace {

using Document = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

template <class Read>
auto from_pem(const std::string& text, Read read) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bytes(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
  return read(bytes.get(), nullptr, nullptr, nullptr);
}
Document document(const std::string& text) {
  return {from_pem(text, PEM_read_bio_X509), X509_free};
}
Key key(const std::string& text) {
  return {from_pem(text, PEM_read_bio_PrivateKey), EVP_PKEY_free};
}

TEST(DockerMachineCertificates, AreSignedByTheirAuthority) {
  const Certificate authority = make_authority();
  const Certificate server = make_server_certificate(authority, {"127.90.1.2", "db.example.com"});
  const Certificate client = make_client_certificate(authority);
  const Document signer = document(authority.certificate);
  EXPECT_EQ(X509_check_ca(signer.get()), 1);
  EXPECT_EQ(X509_check_purpose(document(client.certificate).get(), X509_PURPOSE_SSL_CLIENT, 0), 1);
  for (const Certificate& each : {server, client}) {
    const Document one = document(each.certificate);
    EXPECT_EQ(X509_verify(one.get(), X509_get0_pubkey(signer.get())), 1);
    EXPECT_EQ(X509_check_issued(signer.get(), one.get()), X509_V_OK);
    EXPECT_EQ(X509_check_private_key(one.get(), key(each.key).get()), 1);
  }
  const Document shown = document(server.certificate);
  EXPECT_EQ(X509_check_purpose(shown.get(), X509_PURPOSE_SSL_SERVER, 0), 1);
  EXPECT_EQ(X509_check_ip_asc(shown.get(), "127.90.1.2", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(shown.get(), "127.90.1.3", 0), 0);
  EXPECT_EQ(X509_check_host(shown.get(), "db.example.com", 0, 0, nullptr), 1);
}

TEST(DockerMachineCertificates, AreAllOfOneAuthorityInAStore) {
  const TemporaryDirectory directory;
  MachineStore store(directory.path());
  const auto issue = [&](const std::string& name) {
    KeptMachine machine = store.add({.name = name, .driver = "kvm"});
    machine.address = "127.90.1.2";
    return issue_certificates(store, machine);
  };
  const EngineCertificates first = issue("first");
  const EngineCertificates second = issue("second");
  EXPECT_EQ(first.authority, second.authority);
  EXPECT_NE(first.key, second.key);
  for (const char* name : {"ca.pem", "cert.pem", "key.pem"})
    EXPECT_EQ(read_file(store.directory("second") / name), read_file(store.certificates() / name));
  EXPECT_EQ(read_file(store.directory("second") / "server.pem"), second.certificate);
  for (const fs::path& key :
       {store.certificates() / "ca-key.pem", store.certificates() / "key.pem",
        store.directory("second") / "key.pem", store.directory("second") / "server-key.pem"})
    EXPECT_EQ(fs::status(key).permissions(), fs::perms::owner_read | fs::perms::owner_write) << key;
}

TEST(DockerMachineCertificates, HoldNamesAndAddressesAlone) {
  for (const char* host : {"192.0.2.7", "fd00::1", "db", "db.example.com", "*.example.com"})
    EXPECT_TRUE(is_certificate_host(host)) << host;
  for (const char* host : {"", "*.", "a,DNS:b", "a b", "@section", "a:b"})
    EXPECT_FALSE(is_certificate_host(host)) << host;
}

}  // namespace
}  // namespace nestbox
