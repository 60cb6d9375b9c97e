#include "vmdrivers/docker/query.hpp"

#include <algorithm>
#include <charconv>

#include "harness/base/text.hpp"
#include "vmdrivers/docker/engine.hpp"

namespace nestbox::docker {

std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size()
        && std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr
               == text.data() + i + 3) {
      result += static_cast<char>(byte);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

Query::Query(std::string_view target) {
  const std::size_t mark = target.find('?');
  if (mark == target.npos || mark + 1 == target.size())
    return;
  for (std::string pair : split(target.substr(mark + 1), '&')) {
    std::ranges::replace(pair, '+', ' ');
    const std::size_t equals = std::min(pair.find('='), pair.size());
    m_pairs.emplace_back(unescaped(pair.substr(0, equals)),
                         unescaped(pair.substr(std::min(equals + 1, pair.size()))));
  }
}

std::string Query::get(const std::string& name) const {
  const auto found = std::ranges::find(m_pairs, name, &std::pair<std::string, std::string>::first);
  return found == m_pairs.end() ? std::string() : found->second;
}

void Query::set(const std::string& name, std::string value) {
  std::erase_if(m_pairs, [&](const auto& pair) { return pair.first == name; });
  add(name, std::move(value));
}

void Query::add(const std::string& name, std::string value) {
  m_pairs.emplace_back(name, std::move(value));
}

std::vector<std::reference_wrapper<std::string>> Query::all(const std::string& name) {
  std::vector<std::reference_wrapper<std::string>> values;
  for (auto& [key, value] : m_pairs)
    if (key == name)
      values.emplace_back(value);
  return values;
}

std::string Query::text() const {
  return query(m_pairs);
}

}  // namespace nestbox::docker
