#pragma once

#include <atomic>
#include <mutex>

namespace nestbox {

/// A library of this host that is loaded when one of its functions is first called: who calls none
/// neither waits for it and all that it needs, nor must have it installed. Never unloaded. Any
/// thread.
class SharedLibrary {
public:
  /// `soname` as the linker writes it ("libvirt.so.0"); `package` is what to install, for the hint.
  constexpr SharedLibrary(const char* soname, const char* package)
      : m_soname(soname), m_package(package) {}

  /// The address of a function of it or of the libraries that it needs. Throws Error(unsupported)
  /// when the library cannot be loaded, or is too old to have the function.
  void* symbol(const char* name) const;

private:
  const char* m_soname;
  const char* m_package;
  mutable std::once_flag m_loaded;
  mutable void* m_handle = nullptr;
};

/// A function of a SharedLibrary, to be called as the function itself is. Throws what
/// SharedLibrary::symbol() throws.
template <class Function>
class LazyFunction {
public:
  constexpr LazyFunction(const SharedLibrary& library, const char* name)
      : m_library(library), m_name(name) {}

  template <class... Arguments>
  auto operator()(Arguments... arguments) const {
    Function* function = m_address.load(std::memory_order_acquire);
    if (!function) {
      function = reinterpret_cast<Function*>(m_library.symbol(m_name));
      m_address.store(function, std::memory_order_release);
    }
    return function(arguments...);
  }

private:
  const SharedLibrary& m_library;
  const char* m_name;
  mutable std::atomic<Function*> m_address = nullptr;
};

}  // namespace nestbox

/// Hides the global function `name` by the one of `library`, in the namespace where this is
/// written.
#define NESTBOX_LAZY_FUNCTION(library, name)                                                       \
  constinit const ::nestbox::LazyFunction<decltype(::name)> name {                                 \
    library, #name                                                                                 \
  }
