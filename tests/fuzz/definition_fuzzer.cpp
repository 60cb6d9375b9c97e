#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/model/definition_loader.hpp"

using namespace nestbox;

namespace {

void check(bool holds) {
  if (!holds)
    std::abort();
}

// A refusal names at least one mistake, each of the right kind, in the order of the text, and can
// be shown.
void check_refusal(const DefinitionErrors& refusal) {
  check(!refusal.errors.empty());
  for (std::size_t i = 0; i < refusal.errors.size(); ++i) {
    const Error& error = refusal.errors[i];
    check(error.code == ErrorCode::definition && error.where && error.where->line > 0
          && error.where->column > 0);
    check(i == 0 || refusal.errors[i - 1].where->line <= error.where->line);
    check(!error.render().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto definition = load_definition(text, "nestbox.yml");
  if (!definition)
    check_refusal(definition.error());
  else
    for (const Test& test : definition->tests)
      check(!test.command.empty() && definition->environments.contains(test.environment));

  auto script = load_script_header(text, "test.sh", definition.value_or(Definition()));
  if (!script)
    check_refusal(script.error());
  return 0;
}
