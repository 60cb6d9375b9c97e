#include "harness/model/exposed_variable.hpp"

#include <algorithm>
#include <cassert>
#include <functional>

#include "harness/base/result.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

const std::vector<std::string> k_files = {"key", "known_hosts", "ssh_config"};
const std::vector<std::string> k_fields = {"name", "address", "user", "host", "port"};

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// What stands for a placeholder, without its braces.
using Meaning = std::function<std::string(const std::string& placeholder)>;

/// The text with every placeholder replaced. Error(definition) for a brace that stands alone.
std::string fill_in(const std::string& text, const Meaning& meaning) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c != '{' && c != '}') {
      result += c;
    } else if (at + 1 < text.size() && text[at + 1] == c) {
      result += c;
      ++at;
    } else {
      const std::size_t end = c == '{' ? text.find_first_of("{}", at + 1) : std::string::npos;
      if (end == std::string::npos || text[end] == '{')
        throw Error(ErrorCode::definition,
                    std::string("a '") + c + "' without its " + (c == '{' ? "'}'" : "'{'"),
                    std::string("write '") + c + c + "' for a brace of its own");
      result += meaning(text.substr(at + 1, end - at - 1));
      at = end;
    }
  }
  return result;
}

std::string field_of(const MachineAccess& machine, std::string_view field) {
  if (field == "name")
    return machine.name;
  if (field == "address")
    return machine.address;
  if (field == "user")
    return machine.user;
  if (field == "host")
    return machine.host;
  return std::to_string(machine.port);
}

std::string file_of(const AccessFiles& files, std::string_view name) {
  return name == "key" ? files.key : name == "known_hosts" ? files.known_hosts : files.ssh_config;
}

/// Throws Error(definition) unless the placeholder means something.
void check(const std::string& placeholder, bool for_each,
           const std::vector<std::string>& machines) {
  const std::size_t dot = placeholder.find('.');
  if (dot != std::string::npos && contains(machines, placeholder.substr(0, dot))
      && contains(k_fields, placeholder.substr(dot + 1)))
    return;
  if (contains(k_files, placeholder) || (for_each && contains(k_fields, placeholder)))
    return;
  std::vector<std::string> known = k_files;
  if (for_each)
    known.insert(known.end(), k_fields.begin(), k_fields.end());
  for (const std::string& machine : machines)
    for (const std::string& field : k_fields)
      known.push_back(machine + "." + field);
  const std::string near = did_you_mean(placeholder, known);
  const bool alone = !for_each && contains(k_fields, placeholder);
  throw Error(ErrorCode::definition, "unknown placeholder '{" + printable(placeholder) + "}'",
              alone ? "of which machine? '{" + machines.front() + "." + placeholder
                          + "}', or of all: {each: …, join: …}"
              : near.empty() ? "there are " + join(k_files, ", ") + ", and of a machine "
                                   + join(k_fields, ", ")
                             : near);
}

}  // namespace

std::optional<Error> flaw_in(const ExposedVariable& variable,
                             const std::vector<std::string>& machines) {
  const Result<std::string> tried = catch_error([&] {
    return fill_in(variable.text, [&](const std::string& placeholder) {
      check(placeholder, variable.join.has_value(), machines);
      return std::string();
    });
  });
  return tried ? std::nullopt : std::optional(tried.error());
}

std::string value_of(const ExposedVariable& variable, const std::vector<MachineAccess>& machines,
                     const std::vector<MachineAccess>& driven, const AccessFiles& files) {
  const auto filled = [&](const MachineAccess* each) {
    return fill_in(variable.text, [&](const std::string& placeholder) {
      const std::size_t dot = placeholder.find('.');
      if (dot != std::string::npos) {
        const auto named = std::find_if(
            machines.begin(), machines.end(),
            [name = placeholder.substr(0, dot)](const MachineAccess& m) { return m.name == name; });
        assert(named != machines.end());
        return field_of(*named, placeholder.substr(dot + 1));
      }
      return contains(k_files, placeholder) ? file_of(files, placeholder)
                                            : field_of(*each, placeholder);
    });
  };
  if (!variable.join)
    return filled(nullptr);
  std::vector<std::string> values;
  for (const MachineAccess& machine : driven)
    values.push_back(filled(&machine));
  return join(values, *variable.join);
}

}  // namespace nestbox
