#include "runner/cases/junit_xml.hpp"

#include <expat.h>

#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include <fmt/format.h>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_maximum_message = 4096;

using Attributes = std::map<std::string, std::string, std::less<>>;

std::string attribute(const Attributes& attributes, std::string_view name) {
  auto found = attributes.find(name);
  return found == attributes.end() ? std::string() : found->second;
}

std::chrono::milliseconds seconds(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  if (!std::isfinite(value) || value < 0 || value > 1e9)
    return {};
  return std::chrono::milliseconds(std::llround(value * 1000));
}

class Reader {
public:
  void start(std::string_view element, Attributes attributes) {
    if (!m_root_seen) {
      m_root_seen = true;
      m_is_junit = element == "testsuites" || element == "testsuite";
    }
    if (element == "testcase")
      start_case(attributes);
    else if (m_case && (element == "failure" || element == "error"))
      judge(Outcome::failed, attributes);
    else if (m_case && element == "skipped")
      judge(attribute(attributes, "type") == "pytest.xfail" ? Outcome::xfailed : Outcome::skipped,
            attributes);
  }

  void text(std::string_view piece) {
    if (m_in_verdict && m_case->message.size() < k_maximum_message)
      m_case->message.append(piece.substr(0, k_maximum_message - m_case->message.size()));
  }

  void end(std::string_view element) {
    if (element == "failure" || element == "error" || element == "skipped")
      m_in_verdict = false;
    if (element != "testcase" || !m_case)
      return;
    m_case->message = trim(m_case->message);
    if (++m_seen <= k_maximum_cases)
      m_report.cases.push_back(std::move(*m_case));
    else if (is_failure(m_case->outcome) && m_report.problem.empty())
      m_report.problem =
          fmt::format("case '{}' failed beyond the {} cases kept", m_case->name, k_maximum_cases);
    m_case.reset();
  }

  bool is_junit() const { return m_is_junit; }
  CaseReport take() { return std::move(m_report); }

private:
  void start_case(const Attributes& attributes) {
    m_case.emplace();
    std::string group = attribute(attributes, "classname");
    m_case->name = (group.empty() ? "" : group + " > ") + attribute(attributes, "name");
    m_case->duration = seconds(attribute(attributes, "time"));
    if (attribute(attributes, "status") == "notrun" || attribute(attributes, "result") == "skipped")
      m_case->outcome = Outcome::skipped;
  }

  void judge(Outcome outcome, const Attributes& attributes) {
    bool first = !is_failure(m_case->outcome);
    if (first) {
      m_case->outcome = outcome;
      m_case->message = attribute(attributes, "message").substr(0, k_maximum_message);
    }
    m_in_verdict = first && m_case->message.empty();
  }

  bool m_root_seen = false;
  bool m_is_junit = false;
  bool m_in_verdict = false;
  std::size_t m_seen = 0;
  std::optional<TestCase> m_case;
  CaseReport m_report{"junit", {}, {}, false};
};

Reader& reader(void* user) {
  return *static_cast<Reader*>(user);
}

void XMLCALL on_start(void* user, const XML_Char* element, const XML_Char** pairs) {
  Attributes attributes;
  for (; *pairs; pairs += 2)
    attributes.emplace(pairs[0], pairs[1]);
  reader(user).start(element, std::move(attributes));
}

void XMLCALL on_end(void* user, const XML_Char* element) {
  reader(user).end(element);
}

void XMLCALL on_text(void* user, const XML_Char* text, int length) {
  reader(user).text({text, static_cast<std::size_t>(length)});
}

struct FreeParser {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

}  // namespace

Result<CaseReport> parse_junit_xml(std::string_view xml) {
  std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser> parser(XML_ParserCreate(nullptr));
  Reader state;
  XML_SetUserData(parser.get(), &state);
  XML_SetElementHandler(parser.get(), on_start, on_end);
  XML_SetCharacterDataHandler(parser.get(), on_text);
  // Piecewise, because expat takes an int for a length.
  constexpr std::size_t k_piece = 1 << 20;
  for (std::size_t at = 0; at <= xml.size(); at += k_piece) {
    std::string_view piece = xml.substr(at, k_piece);
    bool last = at + k_piece > xml.size();
    if (XML_Parse(parser.get(), piece.data(), static_cast<int>(piece.size()), last)
        != XML_STATUS_OK)
      return fail(ErrorCode::corrupt,
                  fmt::format("line {}: {}", XML_GetCurrentLineNumber(parser.get()),
                              XML_ErrorString(XML_GetErrorCode(parser.get()))));
  }
  if (!state.is_junit())
    return fail(ErrorCode::unsupported, "not a JUnit report");
  return state.take();
}

}  // namespace nestbox
