#include "runner/docker_machine/go_template.hpp"

#include <gtest/gtest.h>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

constexpr const char* k_document = R"({"Name": "db", "Driver": {"Port": 22}})";

TEST(GoTemplate, PutsFieldsIntoText) {
  EXPECT_EQ(expand_template(k_document, "{{.Name}}:{{ .Driver.Port }}"), "db:22");
  EXPECT_EQ(expand_template(k_document, "{{json .Name}} {{json .Driver}}"), R"("db" {"Port":22})");
  EXPECT_EQ(expand_template(k_document, "{{prettyjson .Driver}}"), "{\n    \"Port\": 22\n}");
  EXPECT_EQ(expand_template(k_document, "{{json .}}"), R"({"Name":"db","Driver":{"Port":22}})");
  EXPECT_EQ(expand_template(k_document, "plain"), "plain");
}

TEST(GoTemplate, RefusesWhatItDoesNotUnderstand) {
  for (const char* wrong :
       {"{{.Nowhere}}", "{{.Name.More}}", "{{range .}}", "{{.Name", "{{}}", "{{lower .Name}}"})
    EXPECT_THROW(expand_template(k_document, wrong), Error) << wrong;
}

}  // namespace
}  // namespace nestbox
