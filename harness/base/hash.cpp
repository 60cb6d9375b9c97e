#include "harness/base/hash.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <new>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/scope.hpp"

namespace nestbox {

namespace {

constexpr std::size_t k_buffer_size = 1 << 18;

void update_with_zeros(Sha256& hash, off_t count) {
  static const std::vector<char> zeros(k_buffer_size);
  while (count > 0) {
    const auto piece = std::min(count, static_cast<off_t>(zeros.size()));
    hash.update({zeros.data(), static_cast<std::size_t>(piece)});
    count -= piece;
  }
}

}  // namespace

struct Sha256::Context {
  Context() : digest(EVP_MD_CTX_new()) {
    if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), nullptr) != 1)
      throw std::bad_alloc();
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(digest); }

  EVP_MD_CTX* digest;
};

Sha256::Sha256() : m_context(std::make_unique<Context>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;

Sha256& Sha256::update(std::string_view bytes) {
  EVP_DigestUpdate(m_context->digest, bytes.data(), bytes.size());
  return *this;
}

Sha256& Sha256::field(std::string_view name, std::string_view value) {
  update(std::to_string(name.size()) + ":").update(name);
  return update(std::to_string(value.size()) + ":").update(value);
}

std::string Sha256::hex() {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  EVP_DigestFinal_ex(m_context->digest, digest.data(), &size);
  std::string text;
  for (unsigned int i = 0; i < size; ++i)
    text += {k_digits[digest[i] >> 4], k_digits[digest[i] & 15]};
  return text;
}

std::string sha256(std::string_view bytes) {
  return Sha256().update(bytes).hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    throw system_error("cannot open '" + path.string() + "'", errno);
  struct stat status;
  if (::fstat(file.get(), &status) != 0)
    throw system_error("cannot read '" + path.string() + "'", errno);

  Sha256 hash;
  std::vector<char> buffer(k_buffer_size);
  off_t position = 0;
  while (true) {
    const off_t data = ::lseek(file.get(), position, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
      update_with_zeros(hash, status.st_size - position);
      return hash.hex();
    }
    // A filesystem without holes: all that is left is data.
    const off_t hole = data < 0 ? status.st_size : ::lseek(file.get(), data, SEEK_HOLE);
    if (data > position)
      update_with_zeros(hash, data - position);
    position = std::max(position, data);
    if (position >= hole)
      return hash.hex();
    while (position < hole) {
      const auto wanted = std::min(hole - position, static_cast<off_t>(buffer.size()));
      const ssize_t got =
          ::pread(file.get(), buffer.data(), static_cast<std::size_t>(wanted), position);
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        throw system_error("cannot read '" + path.string() + "'", errno);
      if (got == 0)
        throw Error(ErrorCode::io, "'" + path.string() + "' shrank while it was read");
      hash.update({buffer.data(), static_cast<std::size_t>(got)});
      position += got;
    }
  }
}

}  // namespace nestbox
