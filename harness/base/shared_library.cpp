#include "harness/base/shared_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include "harness/base/error.hpp"

namespace nestbox {

void* SharedLibrary::symbol(const char* name) const {
  std::call_once(m_loaded, [this] {
    m_handle = ::dlopen(m_soname, RTLD_LAZY | RTLD_LOCAL);
    if (!m_handle)
      throw Error(ErrorCode::unsupported, fmt::format("cannot load a library: {}", ::dlerror()),
                  fmt::format("apt-get install {}", m_package));
  });
  void* const address = ::dlsym(m_handle, name);
  if (!address)
    throw Error(ErrorCode::unsupported,
                fmt::format("'{}' has no '{}': it is too old", m_soname, name),
                fmt::format("install a newer {}", m_package));
  return address;
}

}  // namespace nestbox
