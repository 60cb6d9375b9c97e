#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "runner/marker_expr.hpp"

using namespace nestbox;

namespace {

void check(bool holds) {
  if (!holds)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto expression = MarkerExpression::parse(text);
  if (!expression) {
    check(expression.error().code == ErrorCode::definition && !expression.error().render().empty());
    return 0;
  }
  // The canonical form means the same and is its own.
  auto again = MarkerExpression::parse(expression->canonical());
  check(again && again->canonical() == expression->canonical()
        && again->words() == expression->words());
  for (std::size_t salt = 0; salt < 4; ++salt) {
    auto has = [salt](std::string_view word) {
      return (std::hash<std::string_view>()(word) >> salt) % 2 == 0;
    };
    check(expression->matches(has) == again->matches(has));
  }
  return 0;
}
