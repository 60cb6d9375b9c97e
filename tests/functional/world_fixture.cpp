#include "tests/functional/world_fixture.hpp"

#include "harness/model/definition_loader.hpp"
#include "harness/model/shell_words.hpp"
#include "harness/model/verb_parser.hpp"

namespace nestbox {

WorldFixture::WorldFixture() : m_driver(make_machine_driver()), m_cache(cache_directory()) {}

std::shared_ptr<PreparedTopology> WorldFixture::prepare(const std::string& yaml) {
  const auto definition = load_definition("version: 1\n" + yaml, "nestbox.yml");
  if (!definition)
    throw definition.error().errors.front();
  const CancelToken cancel;
  return prepare_topology({m_cache, m_progress, cancel}, *m_driver, *definition,
                          definition->topologies.begin()->second, folder());
}

std::unique_ptr<World> WorldFixture::make(PreparedTopology& prepared, const std::string& run_name,
                                          std::uint64_t seed) {
  return prepared.world({.run_name = run_name, .seed = seed}, soon(), {});
}

WorldFixture::Done WorldFixture::verb(World& world, const std::string& words,
                                      const std::string& caller) {
  std::vector<std::string> argv;
  const auto split_up = split_shell_words(words);
  for (const ShellWord& word : split_up.value())
    argv.push_back(word.text);
  Done done;
  VerbIo io;
  io.output = [&](const std::string&, OutputStream, std::string_view bytes) { done.text += bytes; };
  const VerbCaller from{.machine = caller, .directory = caller.empty() ? folder() : "/"};
  done.code = execute(world, parse_verb(argv, &world.topology()), from, io, soon(), {});
  return done;
}

}  // namespace nestbox
