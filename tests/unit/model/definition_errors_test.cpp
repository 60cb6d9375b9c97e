#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/model/definition_loader.hpp"

/// Each tests/data/definition_errors/NAME.yml must be answered by the text of NAME.txt.
/// NESTBOX_UPDATE_GOLDEN=1 writes the texts anew.
namespace nestbox {
namespace {

namespace fs = std::filesystem;

const fs::path k_folder = fs::path(NESTBOX_SOURCE_DIR) / "tests/data/definition_errors";

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const fs::directory_entry& entry : fs::directory_iterator(k_folder))
    if (entry.path().extension() == ".yml")
      result.push_back(entry.path().stem().string());
  std::sort(result.begin(), result.end());
  return result;
}

class DefinitionErrorText : public testing::TestWithParam<std::string> {};

TEST_P(DefinitionErrorText, IsAsRecorded) {
  auto loaded = load_definition(read(k_folder / (GetParam() + ".yml")), GetParam() + ".yml");
  ASSERT_FALSE(loaded) << "is valid";
  ASSERT_FALSE(loaded.error().errors.empty());
  std::string text;
  for (const Error& error : loaded.error().errors) {
    EXPECT_EQ(error.code, ErrorCode::definition);
    EXPECT_TRUE(error.where) << error.render();
    text += error.render() + "\n\n";
  }
  fs::path recorded = k_folder / (GetParam() + ".txt");
  if (std::getenv("NESTBOX_UPDATE_GOLDEN"))
    std::ofstream(recorded, std::ios::binary) << text;
  EXPECT_EQ(text, read(recorded));
}

INSTANTIATE_TEST_SUITE_P(Golden, DefinitionErrorText, testing::ValuesIn(names()),
                         [](const auto& golden) { return golden.param; });

}  // namespace
}  // namespace nestbox
