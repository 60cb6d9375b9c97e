#pragma once

#include <tl/expected.hpp>

#include "harness/base/error.hpp"

namespace nestbox {

/// An expected outcome: a T, or why there is none. What ends the whole operation is thrown instead.
template <class T>
using Result = tl::expected<T, Error>;

/// `return fail(ErrorCode::corrupt, "…")` from a function that returns a Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error(code, std::move(message), std::move(hint)));
}

inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

/// The bridge from values to exceptions: the T, or its Error thrown.
template <class T>
T value_or_throw(Result<T> result) {
  if (!result)
    throw std::move(result.error());
  if constexpr (!std::is_void_v<T>)
    return std::move(*result);
}

/// The bridge from exceptions to values: what `function` returns, or the Error it threw.
template <class Function>
auto catch_error(Function&& function) -> Result<decltype(function())> {
  try {
    if constexpr (std::is_void_v<decltype(function())>) {
      function();
      return {};
    } else {
      return function();
    }
  } catch (Error& error) {
    return tl::unexpected<Error>(std::move(error));
  }
}

}  // namespace nestbox
