#pragma once

#include <string>
#include <vector>

namespace nestbox {

/// An X.509 certificate of three years and its private key (RSA of 2,048 bits), both PEM.
struct Certificate {
  std::string certificate;
  std::string key;
};

/// For signing those of others. Throws Error(infrastructure), as all here, when OpenSSL refuses.
Certificate make_authority();

/// For who connects.
Certificate make_client_certificate(const Certificate& authority);

/// For who is reached by these names and addresses.
Certificate make_server_certificate(const Certificate& authority,
                                    const std::vector<std::string>& hosts);

/// Whether a server's certificate may hold it: an address, or a name of letters, digits, '-' and
/// '.', behind "*." perhaps.
bool is_certificate_host(const std::string& host);

}  // namespace nestbox
