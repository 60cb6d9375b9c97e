#include "harness/aws/xml_tree.hpp"

#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <type_traits>

namespace nestbox::aws {
namespace {

struct Builder {
  XML_Parser parser = nullptr;
  XmlElement top;  ///< holds the document's element as its only child
  std::vector<XmlElement*> open{&top};
  std::size_t elements = 0;
  std::string problem;

  void refuse(std::string why) {
    if (problem.empty())
      problem = std::move(why);
    XML_StopParser(parser, XML_FALSE);
  }
};

Builder& builder(void* user) {
  return *static_cast<Builder*>(user);
}

void XMLCALL on_start(void* user, const XML_Char* name, const XML_Char**) {
  Builder& state = builder(user);
  if (state.open.size() > k_xml_depth)
    return state.refuse("it nests too deeply");
  if (++state.elements > k_xml_elements)
    return state.refuse("it has too many elements");
  const std::string_view full(name);
  const std::size_t colon = full.rfind(':');
  XmlElement element{std::string(colon == full.npos ? full : full.substr(colon + 1)), {}, {}};
  std::vector<XmlElement>& siblings = state.open.back()->children;
  siblings.push_back(std::move(element));
  state.open.push_back(&siblings.back());
}

void XMLCALL on_end(void* user, const XML_Char*) {
  // Its siblings' places may change from here on; nothing points at it any more.
  builder(user).open.pop_back();
}

void XMLCALL on_text(void* user, const XML_Char* text, int length) {
  builder(user).open.back()->text.append(text, static_cast<std::size_t>(length));
}

void XMLCALL on_entity(void* user, const XML_Char*, int, const XML_Char*, int, const XML_Char*,
                       const XML_Char*, const XML_Char*, const XML_Char*) {
  builder(user).refuse("it declares entities");
}

}  // namespace

const XmlElement* XmlElement::find(std::string_view child) const {
  const auto found = std::ranges::find(children, child, &XmlElement::name);
  return found == children.end() ? nullptr : &*found;
}

std::string XmlElement::at(std::string_view path) const {
  const XmlElement* element = this;
  while (element && !path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    element = element->find(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return element ? element->text : std::string();
}

const std::vector<XmlElement>& XmlElement::items(std::string_view child) const {
  static const std::vector<XmlElement> none;
  const XmlElement* element = find(child);
  return element ? element->children : none;
}

Result<XmlElement> parse_xml(std::string_view text) {
  struct FreeParser {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
  };
  const std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser> parser(
      XML_ParserCreate(nullptr));
  Builder state;
  state.parser = parser.get();
  XML_SetUserData(parser.get(), &state);
  XML_SetElementHandler(parser.get(), on_start, on_end);
  XML_SetCharacterDataHandler(parser.get(), on_text);
  XML_SetEntityDeclHandler(parser.get(), on_entity);
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return fail(ErrorCode::corrupt, "the reply is too large");
  if (XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE)
      != XML_STATUS_OK)
    return fail(ErrorCode::corrupt,
                fmt::format("the reply is not the XML that was expected: line {}: {}",
                            XML_GetCurrentLineNumber(parser.get()),
                            state.problem.empty() ? XML_ErrorString(XML_GetErrorCode(parser.get()))
                                                  : state.problem));
  return std::move(state.top.children.front());
}

}  // namespace nestbox::aws
