#include "harness/env/verb_executor.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/model/shell_words.hpp"
#include "harness/model/verb_parser.hpp"
#include "tests/support/fake_machine.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

/// Three machines, a and b on `lan`, b and c on `wan`, each played by a fake of its own.
class Verbs : public testing::Test {
protected:
  Verbs() {
    WorldPlan plan;
    plan.topology.name = "trio";
    for (const char* name : {"lan", "wan"}) {
      TopologyNetwork& network = plan.topology.networks.emplace_back();
      network.name = name;
      network.subnets = {fmt::format("10.90.{}.0/24", plan.topology.networks.size() - 1)};
    }
    add(plan, "a", {{"lan", {"10.90.0.1/24"}, "52:54:00:00:01:01"}});
    add(plan, "b",
        {{"lan", {"10.90.0.2/24"}, "52:54:00:00:01:02"},
         {"wan", {"10.90.1.2/24"}, "52:54:00:00:02:02"}});
    add(plan, "c", {{"wan", {"10.90.1.3/24"}, "52:54:00:00:02:03"}});
    plan.make = [this](const TopologyMachine& machine, const MachineOptions& options, Deadline,
                       const CancelToken&) {
      return make_fake_machine(m_fakes.at(machine.name), options.name);
    };
    m_world = std::make_unique<World>(std::move(plan), soon(), CancelToken());
    m_caller.directory = m_folder.path();
    m_caller.output_directory = m_folder.path();
    m_io.output = [this](const std::string& machine, OutputStream stream, std::string_view bytes) {
      (stream == OutputStream::standard_error ? m_errors : m_output) += bytes;
      m_speakers.push_back(machine);
    };
  }

  void add(WorldPlan& plan, const std::string& name, std::vector<TopologyLink> links) {
    TopologyMachine machine;
    machine.name = name;
    machine.environment = "tiny";
    machine.links = std::move(links);
    plan.topology.machines.push_back(machine);
    plan.environments[name].variables = {{"FROM", "environment"}, {"ENV", name}};
    m_fakes[name] = std::make_shared<FakeWorld>();
  }

  static Deadline soon() { return Deadline::after(1min); }

  int run(const std::string& words, const CancelToken& cancel = {}) {
    const auto split_up = split_shell_words(words);
    std::vector<std::string> argv;
    for (const ShellWord& word : split_up.value())
      argv.push_back(word.text);
    return execute(*m_world, parse_verb(argv, &m_world->topology()), m_caller, m_io, soon(),
                   cancel);
  }

  Error failure(const std::string& words) {
    try {
      run(words);
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorCode::usage, "nothing failed");
  }

  /// The machine's next commands print this and end so.
  void prints(const std::string& machine, const std::string& text, int code = 0) {
    m_fakes.at(machine)->run = printing(text, code);
  }

  /// They end at their deadline.
  void never_ends(const std::string& machine) {
    m_fakes.at(machine)->run = [](const Command& command, const CommandIo& io, Deadline deadline,
                                  const CancelToken& cancel) {
      CommandResult result;
      // What is asked afterwards is answered.
      if (command.argv[2].find("while :") == std::string::npos
          && command.argv[2].find("until [ -e") == std::string::npos
          && command.argv[0] == "/bin/sh") {
        io.output(OutputStream::standard_output, "1F90\n0016\n");
        return result;
      }
      result.cancelled =
          wait_readable(cancel.descriptor(), deadline, {}) == Wait::ready && cancel.cancelled();
      result.timed_out = !result.cancelled;
      return result;
    };
  }

  Command last_command(const std::string& machine) { return m_fakes.at(machine)->commands.back(); }

  TemporaryDirectory m_folder;
  std::map<std::string, std::shared_ptr<FakeWorld>> m_fakes;
  std::unique_ptr<World> m_world;
  VerbCaller m_caller;
  VerbIo m_io;
  std::string m_output;
  std::string m_errors;
  std::vector<std::string> m_speakers;
};

TEST_F(Verbs, RunsACommandAsItStands) {
  prints("a", "no end", 3);
  EXPECT_EQ(run("exec a -- uname -a"), 3);
  EXPECT_EQ(m_output, "no end");
  EXPECT_THAT(m_speakers, ElementsAre("a"));
  const Command command = last_command("a");
  EXPECT_THAT(command.argv, ElementsAre("uname", "-a"));
  EXPECT_TRUE(command.leaves_running);
}

TEST_F(Verbs, PutsTheMachinesNameBeforeEveryLineOfSeveral) {
  prints("a", "one\ntwo");
  prints("b", "three\n", 4);
  EXPECT_EQ(run("exec a,b -- cat"), 4);
  EXPECT_THAT(m_output,
              AllOf(HasSubstr("a | one\n"), HasSubstr("a | two\n"), HasSubstr("b | three\n")));
}

TEST_F(Verbs, NamesLinesOrNotAsItIsTold) {
  prints("a", "one\ntwo");
  m_io.line_names = LineNames::always;
  run("exec a -- cat");
  EXPECT_EQ(m_output, "a | one\na | two\n");
  m_output.clear();
  prints("b", "x");
  m_io.line_names = LineNames::never;
  run("exec a,b -- cat");
  EXPECT_THAT(m_output, AllOf(HasSubstr("one\ntwo\n"), HasSubstr("x\n"), Not(HasSubstr("|"))));
}

TEST_F(Verbs, NeverTearsALineAndKeepsStreamsApart) {
  m_fakes.at("a")->run = [](const Command&, const CommandIo& io, Deadline, const CancelToken&) {
    for (const char* piece : {"be", "gin", "ning\nla", "st"})
      io.output(OutputStream::standard_output, piece);
    io.output(OutputStream::standard_error, "oh\n");
    return CommandResult{};
  };
  m_io.line_names = LineNames::always;
  run("exec a -- cat");
  EXPECT_EQ(m_output, "a | beginning\na | last\n");
  EXPECT_EQ(m_errors, "a | oh\n");
}

TEST_F(Verbs, ReturnTheFirstExitCodeInTheOrderOfTheMachines) {
  prints("a", "", 0);
  prints("b", "", 5);
  prints("c", "", 6);
  EXPECT_EQ(run("exec c,a,b -- x"), 6);
  EXPECT_EQ(run("exec a,b,c -- x"), 5);
}

TEST_F(Verbs, LayVariablesOverThoseOfThePlaceAndTheEnvironment) {
  m_caller.place = [](const std::string& machine) {
    return CommandPlace{"/src/" + machine, {{"FROM", "place"}, {"PLACE", "yes"}}};
  };
  run("exec a --env PLACE=verb -- x");
  const Command command = last_command("a");
  EXPECT_EQ(command.working_directory, "/src/a");
  EXPECT_THAT(command.environment,
              ElementsAre(testing::Pair("ENV", "a"), testing::Pair("FROM", "place"),
                          testing::Pair("PLACE", "verb")));
  run("exec a --cwd /tmp -- x");
  EXPECT_EQ(last_command("a").working_directory, "/tmp");
}

TEST_F(Verbs, EndACommandAtItsOwnTimeLimit) {
  m_fakes.at("a")->run = [](const Command&, const CommandIo&, Deadline, const CancelToken&) {
    CommandResult result;
    result.timed_out = true;
    return result;
  };
  EXPECT_EQ(run("exec a --timeout 2s -- x"), 124);
  EXPECT_EQ(m_errors, "exec: the command on machine 'a' took longer than 2.0 s and was ended\n");
}

TEST_F(Verbs, TellHowEachCommandEnded) {
  prints("b", "", 5);
  std::map<std::string, int> ended;
  m_io.ended = [&](const std::string& machine, const CommandResult& result) {
    ended[machine] = result.status.code;
  };
  run("exec a,b -- x");
  EXPECT_THAT(ended, ElementsAre(testing::Pair("a", 0), testing::Pair("b", 5)));
}

TEST_F(Verbs, NameTheMachineThatIsLostAndEndTheOthers) {
  m_fakes.at("a")->run = [](const Command&, const CommandIo&, Deadline, const CancelToken& cancel) {
    wait_readable(cancel.descriptor(), Deadline::never());
    CommandResult result;
    result.cancelled = true;
    return result;
  };
  m_fakes.at("b")->condition = Condition::panicked;
  m_fakes.at("b")->console = "Kernel panic\n";
  m_fakes.at("b")->run = [](const Command&, const CommandIo&, Deadline,
                            const CancelToken&) -> CommandResult {
    throw Error(ErrorCode::lost, "the machine no longer answers");
  };
  const Error error = failure("exec a,b -- x");
  EXPECT_EQ(error.code, ErrorCode::lost);
  EXPECT_EQ(error.message, "machine 'b': its kernel panicked\nits console said:\nKernel panic");
}

TEST_F(Verbs, SayWhatListensInsteadOfThePort) {
  never_ends("a");
  const Error error = failure("wait-for a port 8081 --timeout 10ms");
  EXPECT_EQ(error.code, ErrorCode::timeout);
  EXPECT_EQ(error.message, "machine 'a' did not listen on port 8081 within 10 ms");
  EXPECT_EQ(error.hint, "it listens on 22, 8080");
  EXPECT_EQ(m_fakes.at("a")->commands.front().argv.back(), "1F91");
}

TEST_F(Verbs, WaitForOutputThatComesInPieces) {
  m_fakes.at("a")->run = [](const Command&, const CommandIo& io, Deadline deadline,
                            const CancelToken& cancel) {
    for (const char* piece : {"not yet\nrea", "dy to se", "rve"})
      io.output(OutputStream::standard_output, piece);
    wait_readable(cancel.descriptor(), deadline);
    CommandResult result;
    result.cancelled = cancel.cancelled();
    return result;
  };
  EXPECT_EQ(run("wait-for a output 'ready to serve' -- status"), 0);
  EXPECT_EQ(last_command("a").argv.back(), "status");
}

TEST_F(Verbs, WaitForNoOutputThatTwoLinesMake) {
  m_fakes.at("a")->run = [](const Command&, const CommandIo& io, Deadline, const CancelToken&) {
    io.output(OutputStream::standard_output, "rea\ndy\n");
    CommandResult result;
    result.timed_out = true;
    return result;
  };
  const Error error = failure("wait-for a output ready --timeout 10ms -- status -v");
  EXPECT_EQ(error.message, "machine 'a' did not print 'ready' within 10 ms");
  EXPECT_EQ(error.hint, "'status -v' printed last:\nrea\ndy");
}

TEST_F(Verbs, CutNetworksByTheirMachines) {
  run("net partition a | b,c");
  EXPECT_THAT(m_world->network("lan").groups(), ElementsAre(ElementsAre("a"), ElementsAre("b")));
  EXPECT_THAT(m_world->network("wan").groups(), ElementsAre(ElementsAre("b", "c")));
  run("net heal --network lan");
  EXPECT_THAT(m_world->network("lan").groups(), IsEmpty());
  EXPECT_THAT(m_world->network("wan").groups(), Not(IsEmpty()));
}

TEST_F(Verbs, SetAndResetLinks) {
  run("net set b latency=20ms");
  run("net down b@wan");
  EXPECT_EQ(m_world->network("lan").impairment("b"), (Impairment{.latency = 20ms}));
  EXPECT_EQ(m_world->network("wan").impairment("b"), (Impairment{.down = true, .latency = 20ms}));
  run("net show");
  EXPECT_EQ(m_output, "lan  10.90.0.0/24  mtu 1500\n"
                      "  a  10.90.0.1/24  none\n"
                      "  b  10.90.0.2/24  latency=20ms\n"
                      "wan  10.90.1.0/24  mtu 1500\n"
                      "  b  10.90.1.2/24  down latency=20ms\n"
                      "  c  10.90.1.3/24  none\n");
  run("net up b@wan");
  run("net reset b@lan");
  EXPECT_EQ(m_world->network("lan").impairment("b"), Impairment{});
  EXPECT_EQ(m_world->network("wan").impairment("b"), (Impairment{.latency = 20ms}));
}

TEST_F(Verbs, ListMachinesAndCountersForPrograms) {
  run("machines --json");
  const auto machines = nlohmann::json::parse(m_output);
  EXPECT_EQ(machines["version"], 1);
  EXPECT_EQ(machines["machines"][1]["addresses"]["wan"][0], "10.90.1.2/24");
  EXPECT_EQ(machines["machines"][0]["condition"], "running");
  m_output.clear();
  run("net counters --json");
  EXPECT_EQ(nlohmann::json::parse(m_output)["links"].size(), 4U);
  m_output.clear();
  run("net counters");
  EXPECT_THAT(m_output, HasSubstr("a@lan  in 0 frames, 0 bytes  out 0 frames, 0 bytes"));
}

TEST_F(Verbs, CaptureIntoAFileOfTheHost) {
  run("net capture a links/a.pcapng");
  run("net capture-stop a");
  EXPECT_TRUE(fs::exists(m_folder.path() / "links/a.pcapng"));
}

TEST_F(Verbs, PutACaptureIntoTheMachineThatAskedForIt) {
  m_caller.machine = "b";
  m_caller.directory = "/work";
  run("net capture a a.pcapng");
  EXPECT_THAT(m_fakes.at("b")->put, IsEmpty());
  finish_captures(*m_world, soon(), {});
  EXPECT_THAT(m_fakes.at("b")->put, ElementsAre("/work: a.pcapng"));
  EXPECT_THAT(m_world->captures().links(), IsEmpty());
}

TEST_F(Verbs, CaptureOneLinkOnly) {
  const Error error = failure("net capture b x.pcapng");
  EXPECT_EQ(error.code, ErrorCode::usage);
  EXPECT_EQ(error.hint, "say which: 'b@lan', 'b@wan'");
}

TEST_F(Verbs, CopyFilesOfTheHostIntoMachines) {
  write_file_atomically(m_folder.path() / "one", "1");
  for (const char* machine : {"a", "b"})
    prints(machine, "nothing\n/x");
  EXPECT_EQ(run("copy one a,b:/srv/two"), 0);
  for (const char* machine : {"a", "b"})
    EXPECT_THAT(m_fakes.at(machine)->put, ElementsAre("/srv: two"));
  prints("a", "folder\n/srv");
  run("copy one a:/srv");
  EXPECT_EQ(m_fakes.at("a")->put.back(), "/srv: one");
}

TEST_F(Verbs, CopyNothingThatIsNotThere) {
  EXPECT_EQ(failure("copy gone a:/x").message, "the host has no 'gone'");
  prints("a", "nothing\n/gone");
  EXPECT_EQ(failure("copy a:/gone x").message, "machine 'a' has no '/gone'");
  prints("a", "other\n/dev/null");
  EXPECT_EQ(failure("copy a:/dev/null x").message,
            "machine 'a' has neither a file nor a folder at '/dev/null'");
}

TEST_F(Verbs, KeepAConfinedCallerWhereItMayBe) {
  m_caller.confined = true;
  fs::create_directories(m_folder.path() / "in");
  fs::create_symlink("/etc", m_folder.path() / "in/out");
  m_caller.directory = m_folder.path() / "in";
  m_caller.output_directory = m_folder.path() / "in";
  prints("a", "file\n/x");
  EXPECT_THAT(failure("copy ../x a:/x").message, HasSubstr("it is outside"));
  EXPECT_THAT(failure("copy out/passwd a:/x").message, HasSubstr("it leads outside"));
  EXPECT_THAT(failure("copy a:/x ../y").message, HasSubstr("it is outside of"));
  EXPECT_THAT(failure("net capture a out/y").message, HasSubstr("it is outside of"));
}

TEST_F(Verbs, MeetAtABarrierInTheNameOfTheCaller) {
  m_caller.machine = "a";
  EXPECT_EQ(run("barrier ready --of a"), 0);
  EXPECT_EQ(failure("barrier ready --timeout 10ms").message,
            "barrier 'ready': machines 'b', 'c' did not arrive within 10 ms (a did)");
}

}  // namespace
}  // namespace nestbox
