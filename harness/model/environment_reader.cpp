#include "harness/model/environment_reader.hpp"

#include <algorithm>
#include <unordered_map>

#include "harness/model/name_rules.hpp"
#include "harness/model/shared_fields.hpp"

namespace nestbox {

namespace {

constexpr std::size_t k_most_environments = 1000;
constexpr const char* k_step_hint = "write '- run: …' or '- copy: {from: …, to: …}'";

class EnvironmentsReader {
public:
  EnvironmentsReader(YamlReader& reader, const std::filesystem::path& root)
      : m_reader(reader), m_root(root) {}

  std::map<std::string, Environment> read(const YamlNode& section) {
    std::vector<YamlReader::Entry> entries = m_reader.entries("environments", section);
    if (entries.size() > k_most_environments) {
      m_reader.mistake(section, "more than 1000 environments");
      return m_done;
    }
    for (auto [name, body] : entries) {
      if (!is_environment_name(name->scalar))
        m_reader.mistake(*name, "'" + printable(name->scalar) + "' cannot name an environment",
                         "use letters, digits, '.', '_' and '-', at most 64");
      else if (builtin_environments().contains(name->scalar))
        m_reader.mistake(*name, "environment '" + name->scalar + "' is built in",
                         "give yours another name, and write 'from: " + name->scalar
                             + "' to build on it");
      else
        m_written.emplace(name->scalar, Written{name, body, nullptr});
      m_names.push_back(name->scalar);
    }
    for (const auto& [name, environment] : builtin_environments())
      m_names.push_back(name);
    for (auto [name, body] : entries)
      if (m_written.contains(name->scalar))
        resolve(name->scalar);
    return std::move(m_done);
  }

private:
  struct Written {
    const YamlNode* name;
    const YamlNode* body;
    const YamlNode* from;
  };

  /// The environment of this name, whole; nullptr when it is unknown or part of a circle (reported
  /// already).
  const Environment* resolve(const std::string& name) {
    if (auto done = m_done.find(name); done != m_done.end())
      return &done->second;
    auto written = m_written.find(name);
    if (written == m_written.end())
      return nullptr;
    m_path.push_back(name);
    Environment environment = read_one(written->second);
    m_path.pop_back();
    return &m_done.emplace(name, std::move(environment)).first->second;
  }

  Environment read_one(Written& written) {
    const std::string& name = written.name->scalar;
    auto field = m_reader.fields(
        name, *written.body,
        {"from", "image", "init", "memory", "cores", "network", "packages", "steps", "env"});
    const YamlNode *from = field[0], *image = field[1], *init = field[2];
    written.from = from;
    Environment environment;
    if (from)
      environment = inherited(written);
    if (image)
      read_image(*image, from, environment);
    if (init)
      environment.init =
          m_reader.choice<Init>("init", *init, {{"agent", Init::agent}, {"systemd", Init::systemd}})
              .value_or(environment.init);
    take_system_of_disk(environment, init);
    if (!from)
      environment.memory = usual_memory(environment);
    if (field[3])
      environment.memory = read_memory(m_reader, *field[3]).value_or(environment.memory);
    if (field[4])
      environment.cores = read_cores(m_reader, *field[4]).value_or(environment.cores);
    if (field[5])
      environment.network = read_network_access(m_reader, *field[5]).value_or(environment.network);
    if (field[6])
      read_packages(*field[6], environment);
    if (field[7])
      read_steps(*field[7], environment);
    if (field[8])
      for (auto& [variable, value] : m_reader.variables("env", *field[8]))
        environment.variables.insert_or_assign(variable, value);
    refuse_on_tiny(environment, init, field[6], from);
    const bool foreign = is_driver_image(environment.image) || is_disk_image(environment.image);
    if (field[6] && foreign && !environment.packages.empty())
      m_reader.mistake(*field[6],
                       "packages are for images 'debian:SUITE', not for '"
                           + printable(environment.image) + "'",
                       "install them by a step: '- run: …'");
    environment.name = name;
    environment.where = m_reader.source().place(written.name->offset);
    return environment;
  }

  Environment inherited(const Written& written) {
    std::optional<std::string> parent = m_reader.text("from", *written.from);
    if (!parent)
      return {};
    auto on_path = std::find(m_path.begin(), m_path.end(), *parent);
    if (on_path != m_path.end()) {
      report_circle({on_path, m_path.end()});
      return {};
    }
    const Environment* base = resolve(*parent);
    if (!base && std::find(m_names.begin(), m_names.end(), *parent) == m_names.end())
      m_reader.mistake(*written.from, "unknown environment '" + printable(*parent) + "'",
                       suggestion(*parent, m_names, "known environments: "));
    if (!base || !m_reader.charge(*written.from, size_of(*base)))
      return {};
    return *base;
  }

  void report_circle(std::vector<std::string> circle) {
    // Told from where it begins in the text, whichever environment led into it.
    auto position = [this](const std::string& name) { return m_written.at(name).name->offset; };
    auto first = std::min_element(circle.begin(), circle.end(), [&](const auto& a, const auto& b) {
      return position(a) < position(b);
    });
    std::rotate(circle.begin(), first, circle.end());
    circle.push_back(circle.front());
    m_reader.mistake(*m_written.at(circle.front()).from,
                     "environments build on each other in a circle: '" + join(circle, "' → '")
                         + "'",
                     "let one of them name an image instead");
  }

  void read_image(const YamlNode& node, const YamlNode* from, Environment& environment) {
    std::optional<std::string> image = m_reader.text("image", node);
    if (image && from)
      m_reader.mistake(node, "'image' and 'from' exclude each other",
                       "the image comes from '" + printable(from->scalar) + "'");
    else if (image && !is_image_name(*image))
      m_reader.mistake(
          node, "unknown image '" + printable(*image) + "'",
          "it can be 'tiny' or 'debian:SUITE', such as 'debian:bookworm', or 'disk:FILE', "
          "or for some drivers 'docker:NAME', 'docker-archive:FILE', "
          "'dockerfile:DIRECTORY'");
    else if (image)
      environment.image = *image;
  }

  static Bytes usual_memory(const Environment& environment) {
    const char* alike = environment.image == "tiny"         ? "tiny"
                        : environment.init == Init::systemd ? "debian-systemd"
                                                            : "debian";
    return builtin_environments().at(alike).memory;
  }

  void read_packages(const YamlNode& node, Environment& environment) {
    for (auto& [item, package] : m_reader.words("packages", node)) {
      if (!is_package_name(package))
        m_reader.mistake(*item, "'" + printable(package) + "' cannot be the name of a package",
                         "use lower-case letters, digits, '+', '.' and '-'");
      else if (std::find(environment.packages.begin(), environment.packages.end(), package)
               == environment.packages.end())
        environment.packages.push_back(std::move(package));
    }
  }

  void read_steps(const YamlNode& node, Environment& environment) {
    for (const YamlNode* item :
         m_reader.items("steps", node).value_or(std::vector<const YamlNode*>{})) {
      if (item->kind != YamlNode::Kind::mapping) {
        if (item->kind != YamlNode::Kind::refused)
          m_reader.mistake(*item, "a step must be a mapping, not " + describe(*item), k_step_hint);
        continue;
      }
      auto field = m_reader.fields("steps", *item, {"run", "copy"});
      bool both = field[0] && field[1];
      if (both || item->children.empty()) {
        m_reader.mistake(*item, "a step is either 'run' or 'copy'", k_step_hint);
      } else if (field[0]) {
        if (std::optional<std::string> script = m_reader.text("run", *field[0]))
          environment.steps.push_back(RunStep{std::move(*script)});
      } else if (field[1]) {
        if (std::optional<CopyStep> copy = read_copy(m_reader, *field[1], m_root))
          environment.steps.push_back(std::move(*copy));
      }
    }
  }

  void refuse_on_tiny(Environment& environment, const YamlNode* init, const YamlNode* packages,
                      const YamlNode* from) {
    if (environment.image != "tiny")
      return;
    std::string hint = from ? "build on 'debian' instead" : "write 'image: debian:bookworm'";
    if (init && environment.init == Init::systemd)
      m_reader.mistake(*init, "image 'tiny' has no systemd", hint);
    if (packages && !environment.packages.empty())
      m_reader.mistake(*packages, "image 'tiny' has no packages", hint);
    environment.init = Init::agent;
    environment.packages.clear();
  }

  void take_system_of_disk(Environment& environment, const YamlNode* init) {
    if (!is_disk_image(environment.image))
      return;
    if (init)
      m_reader.mistake(*init, "a disk has an init of its own", "leave 'init' out");
    environment.init = Init::systemd;
  }

  static std::size_t size_of(const Environment& environment) {
    std::size_t size = sizeof environment;
    for (const std::string& package : environment.packages)
      size += sizeof package + package.size();
    for (const Step& step : environment.steps) {
      size += sizeof step;
      if (const RunStep* run = std::get_if<RunStep>(&step))
        size += run->script.size();
    }
    for (const auto& [name, value] : environment.variables)
      size += 100 + name.size() + value.size();
    return size;
  }

  YamlReader& m_reader;
  const std::filesystem::path& m_root;
  std::unordered_map<std::string, Written> m_written;
  std::vector<std::string> m_names;
  std::map<std::string, Environment> m_done = builtin_environments();
  std::vector<std::string> m_path;  // the environments being read, each building on the next
};

}  // namespace

std::map<std::string, Environment> read_environments(YamlReader& reader, const YamlNode& section,
                                                     const std::filesystem::path& root) {
  return EnvironmentsReader(reader, root).read(section);
}

}  // namespace nestbox
