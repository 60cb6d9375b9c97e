#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "harness/base/result.hpp"

namespace nestbox {

/// A value that is looked for at the first need, and only then; why there is none is kept as well.
/// Any thread; others wait while one looks.
template <class T>
class Lazy {
public:
  /// What `find` throws must be an Error.
  explicit Lazy(std::function<T()> find) : m_find(std::move(find)) {}

  /// Valid as long as this. Throws what `find` threw.
  const T& get() const {
    const std::lock_guard lock(m_mutex);
    if (!m_found)
      m_found = catch_error(m_find);
    if (!*m_found)
      throw m_found->error();
    return **m_found;
  }

private:
  std::function<T()> m_find;
  mutable std::mutex m_mutex;
  mutable std::optional<Result<T>> m_found;
};

}  // namespace nestbox
