#include "runner/docker_machine/certificates.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/model/ip_address.hpp"

namespace nestbox {
namespace {

constexpr int k_key_bits = 2048;
constexpr int k_serial_bits = 127;
constexpr int k_days = 1080;
constexpr long k_skew = 300;  ///< seconds by which another's clock may be behind

template <auto release>
struct Release {
  template <class Handle>
  void operator()(Handle* handle) const {
    release(handle);
  }
};
template <class Handle, auto release>
using Owned = std::unique_ptr<Handle, Release<release>>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Document = Owned<X509, X509_free>;
using Text = Owned<BIO, BIO_free>;

void require(bool done) {
  if (done)
    return;
  std::array<char, 256> why{};
  ERR_error_string_n(ERR_get_error(), why.data(), why.size());
  throw Error(ErrorCode::infrastructure, std::string("cannot make a certificate: ") + why.data());
}

std::string content(const Text& text) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

struct Extension {
  int kind;
  std::string value;
};

/// Signed by `authority`, or by itself.
Certificate issue(const std::string& name, const std::vector<Extension>& extensions,
                  const Certificate* authority) {
  const Key key(EVP_RSA_gen(k_key_bits));
  const Document document(X509_new());
  require(key && document);
  Key signing_key;
  Document signer;
  if (authority) {
    const Text certificate(BIO_new_mem_buf(authority->certificate.data(),
                                           static_cast<int>(authority->certificate.size())));
    const Text secret(
        BIO_new_mem_buf(authority->key.data(), static_cast<int>(authority->key.size())));
    signer.reset(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
    signing_key.reset(PEM_read_bio_PrivateKey(secret.get(), nullptr, nullptr, nullptr));
    require(signer && signing_key);
  }
  X509* const issuer = signer ? signer.get() : document.get();
  const Owned<BIGNUM, BN_free> serial(BN_new());
  X509_NAME* const subject = X509_get_subject_name(document.get());
  require(BN_rand(serial.get(), k_serial_bits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY)
          && BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(document.get()))
          && X509_set_version(document.get(), X509_VERSION_3)
          && X509_gmtime_adj(X509_getm_notBefore(document.get()), -k_skew)
          && X509_time_adj_ex(X509_getm_notAfter(document.get()), k_days, 0, nullptr)
          && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                        reinterpret_cast<const unsigned char*>(name.c_str()), -1,
                                        -1, 0)
          && X509_set_issuer_name(document.get(), X509_get_subject_name(issuer))
          && X509_set_pubkey(document.get(), key.get()));
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, document.get(), nullptr, nullptr, 0);
  for (const Extension& extension : extensions) {
    const Owned<X509_EXTENSION, X509_EXTENSION_free> made(
        X509V3_EXT_conf_nid(nullptr, &context, extension.kind, extension.value.c_str()));
    require(made && X509_add_ext(document.get(), made.get(), -1));
  }
  const Text certificate(BIO_new(BIO_s_mem()));
  const Text secret(BIO_new(BIO_s_mem()));
  require(X509_sign(document.get(), signing_key ? signing_key.get() : key.get(), EVP_sha256())
          && PEM_write_bio_X509(certificate.get(), document.get())
          && PEM_write_bio_PrivateKey_traditional(secret.get(), key.get(), nullptr, nullptr, 0,
                                                  nullptr, nullptr));
  return {content(certificate), content(secret)};
}

}  // namespace

Certificate make_authority() {
  return issue("nestbox docker-machine",
               {{NID_basic_constraints, "critical,CA:TRUE"},
                {NID_key_usage, "critical,keyCertSign,digitalSignature"},
                {NID_subject_key_identifier, "hash"}},
               nullptr);
}

Certificate make_client_certificate(const Certificate& authority) {
  return issue("client",
               {{NID_basic_constraints, "critical,CA:FALSE"},
                {NID_key_usage, "critical,digitalSignature"},
                {NID_ext_key_usage, "clientAuth"},
                {NID_authority_key_identifier, "keyid"}},
               &authority);
}

Certificate make_server_certificate(const Certificate& authority,
                                    const std::vector<std::string>& hosts) {
  std::vector<std::string> names;
  for (const std::string& host : hosts)
    names.push_back((parse_ip_address(host) ? "IP:" : "DNS:") + host);
  return issue("server",
               {{NID_basic_constraints, "critical,CA:FALSE"},
                {NID_key_usage, "critical,digitalSignature,keyEncipherment"},
                {NID_ext_key_usage, "serverAuth,clientAuth"},
                {NID_authority_key_identifier, "keyid"},
                {NID_subject_alt_name, join(names, ",")}},
               &authority);
}

bool is_certificate_host(const std::string& host) {
  if (parse_ip_address(host))
    return true;
  const std::string_view name = std::string_view(host).substr(host.starts_with("*.") ? 2 : 0);
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
           || c == '.';
  });
}

}  // namespace nestbox
