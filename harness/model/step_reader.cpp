#include "harness/model/step_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/model/name_rules.hpp"
#include "harness/model/shared_fields.hpp"
#include "harness/model/shell_words.hpp"
#include "harness/model/verb_arguments.hpp"

namespace nestbox {

namespace {

constexpr const char* k_step_hint =
    "write '- {on: machine, run: …}', '- {on: machine, copy: {from: …, to: …}}', "
    "'- copy: a:/x b:/y', '- wait-for: …' or '- net: …'";

class StepReader {
public:
  StepReader(YamlReader& reader, StepsOf of, const Topology& topology,
             const std::filesystem::path& root)
      : m_reader(reader), m_of(of), m_topology(topology), m_root(root) {}

  std::vector<WorldStep> read(std::string_view key, const YamlNode& node) {
    std::vector<WorldStep> steps;
    for (const YamlNode* item :
         m_reader.items(key, node).value_or(std::vector<const YamlNode*>{})) {
      if (item->kind != YamlNode::Kind::mapping) {
        if (item->kind != YamlNode::Kind::refused)
          m_reader.mistake(*item, "a step must be a mapping, not " + describe(*item), k_step_hint);
      } else if (std::optional<Verb> verb = step(key, *item)) {
        steps.push_back({std::move(*verb), m_reader.source().place(item->offset)});
      }
    }
    return steps;
  }

private:
  std::optional<Verb> step(std::string_view key, const YamlNode& item) {
    auto field =
        m_reader.fields(key, item, {"on", "run", "copy", "wait-for", "net", "timeout", "env"});
    const YamlNode *on = field[0], *run = field[1], *copy = field[2];
    auto kinds = std::count_if(field.begin() + 1, field.begin() + 5,
                               [](const YamlNode* node) { return node != nullptr; });
    if (kinds != 1) {
      if (kinds > 1 || knows_all(item, field))
        m_reader.mistake(item, "a step is one of 'run', 'copy', 'wait-for' and 'net'", k_step_hint);
      return {};
    }
    bool copies_in = copy && copy->kind == YamlNode::Kind::mapping;
    if (on && !run && !copies_in)
      m_reader.mistake(*on, "'on' belongs to 'run' and to 'copy: {from: …, to: …}'",
                       "name the machine within the text");
    for (const YamlNode* node : {field[5], field[6]})
      if (node && !run)
        m_reader.mistake(*node, "'timeout' and 'env' belong to 'run'",
                         field[3] ? "write '--timeout 20s' within the text" : "");
    if (run)
      return exec(item, on, *run, field[5], field[6]);
    if (copies_in)
      return copy_in(item, on, *copy);
    if (copy)
      return copy_verb(*copy);
    return field[3] ? verb({"wait-for"}, *field[3]) : net_verb(*field[4]);
  }

  std::optional<Verb> exec(const YamlNode& item, const YamlNode* on, const YamlNode& run,
                           const YamlNode* timeout, const YamlNode* variables) {
    ExecVerb exec;
    exec.machines = machines(item, on);
    exec.command =
        read_command(m_reader, run,
                     m_of == StepsOf::setup ? std::vector<std::string>{"/bin/sh", "-e", "-c"}
                                            : std::vector<std::string>{"/bin/sh", "-c"});
    if (timeout)
      exec.timeout = m_reader.duration("timeout", *timeout);
    if (variables)
      exec.variables = m_reader.variables("env", *variables);
    return exec;
  }

  std::optional<Verb> copy_in(const YamlNode& item, const YamlNode* on, const YamlNode& copy) {
    std::vector<std::string> to = machines(item, on);
    std::optional<CopyStep> step = read_copy(m_reader, copy, m_root);
    if (!step)
      return {};
    return CopyVerb{{{}, std::move(step->source)}, {std::move(to), std::move(step->destination)}};
  }

  std::vector<std::string> machines(const YamlNode& item, const YamlNode* on) {
    std::vector<std::string> names;
    if (!on) {
      m_reader.mistake(item, "this step lacks 'on'",
                       "say on which machines, such as 'on: " + m_topology.machines.front().name
                           + "'");
      return names;
    }
    if (on->is_scalar())
      return checked_machines(*on);
    for (const auto& [node, word] : m_reader.words("on", *on))
      for (std::string& name : checked_machines(*node))
        names.push_back(std::move(name));
    if (on->kind == YamlNode::Kind::sequence && on->children.empty())
      m_reader.mistake(*on, "'on' is an empty list");
    return names;
  }

  std::vector<std::string> checked_machines(const YamlNode& node) {
    std::optional<std::string> word = m_reader.text("on", node);
    if (!word)
      return {};
    try {
      return VerbNames(&m_topology).machines({*word, 0});
    } catch (const VerbMistake& mistake) {
      m_reader.mistake(node, mistake.message, mistake.hint);
      return {};
    }
  }

  std::optional<Verb> copy_verb(const YamlNode& node) {
    std::optional<Verb> copied = verb({"copy"}, node);
    if (!copied)
      return copied;
    const CopyVerb& copy = std::get<CopyVerb>(*copied);
    if (copy.from.machines.empty())
      check_copied(m_reader, node, copy.from.path, m_root);
    else if (copy.to.machines.empty() && m_of == StepsOf::setup)
      m_reader.mistake(node, "the setup of a topology leaves no files behind",
                       "copy from machine to machine, or in a step of a test");
    else if (copy.to.machines.empty())
      check_kept(node, copy.to.path);
    return copied;
  }

  std::optional<Verb> net_verb(const YamlNode& node) {
    std::optional<Verb> told = verb({"net"}, node);
    if (!told)
      return told;
    const StartCapture* capture = std::get_if<StartCapture>(&std::get<NetVerb>(*told));
    if (capture && m_of == StepsOf::setup)
      m_reader.mistake(node, "the setup of a topology leaves no files behind",
                       "capture in a step of a test");
    else if (capture)
      check_kept(node, capture->file);
    return told;
  }

  void check_kept(const YamlNode& node, const std::string& path) {
    if (!is_source_path(path))
      m_reader.mistake(node, "'" + printable(path) + "' leaves the test's output directory",
                       "name a file in it, relative and without '..'");
  }

  /// `name` and the words of a text, each mistake at its word.
  std::optional<Verb> verb(std::vector<std::string> words, const YamlNode& node) {
    std::optional<std::string> text = m_reader.text(words.front(), node);
    if (!text)
      return {};
    auto split = split_shell_words(*text);
    if (!split) {
      m_reader.mistake(within(node, split.error()), "this quote is never closed");
      return {};
    }
    for (ShellWord& word : *split)
      words.push_back(std::move(word.text));
    auto verb = read_verb(words, &m_topology);
    if (verb)
      return std::move(*verb);
    std::size_t index = verb.error().word;
    std::size_t offset = index == 0              ? 0
                         : index > split->size() ? text->size()
                                                 : split->at(index - 1).offset;
    m_reader.mistake(within(node, offset), verb.error().message, verb.error().hint);
    return {};
  }

  /// The node, moved to the byte of its text at `offset`, unless it is not written as it reads
  /// (escapes, several lines).
  YamlNode within(const YamlNode& node, std::size_t offset) const {
    YamlNode place;
    place.offset = node.offset;
    std::string_view source = m_reader.source().text().substr(node.offset);
    std::size_t quote = source.starts_with('"') || source.starts_with('\'') ? 1 : 0;
    if (source.substr(std::min(quote, source.size())).starts_with(node.scalar))
      place.offset += static_cast<std::uint32_t>(quote + offset);
    return place;
  }

  YamlReader& m_reader;
  StepsOf m_of;
  const Topology& m_topology;
  const std::filesystem::path& m_root;
};

}  // namespace

std::vector<WorldStep> read_world_steps(YamlReader& reader, const YamlNode& node, StepsOf of,
                                        const Topology& topology,
                                        const std::filesystem::path& root) {
  return StepReader(reader, of, topology, root)
      .read(of == StepsOf::setup ? "setup" : "steps", node);
}

}  // namespace nestbox
