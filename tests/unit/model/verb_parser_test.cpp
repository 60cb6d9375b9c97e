#include "harness/model/verb_parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/model/shell_words.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::vector<ShellWord> split = split_shell_words(line).value();
  for (ShellWord& word : split)
    words.push_back(std::move(word.text));
  return words;
}

Verb parse(std::string_view line, const Topology* topology = nullptr) {
  return parse_verb(words_of(line), topology);
}

/// "word: message; hint"
std::string mistake(std::string_view line, const Topology* topology = nullptr) {
  auto verb = read_verb(words_of(line), topology);
  if (verb)
    return "none";
  const VerbMistake& mistake = verb.error();
  return std::to_string(mistake.word) + ": " + mistake.message
         + (mistake.hint.empty() ? "" : "; " + mistake.hint);
}

TopologyMachine machine(std::string name, std::vector<std::string> networks) {
  TopologyMachine result;
  result.name = std::move(name);
  for (std::string& network : networks)
    result.links.push_back({std::move(network), {}, {}});
  return result;
}

Topology trio() {
  Topology topology;
  topology.name = "trio";
  topology.networks.resize(2);
  topology.networks[0].name = "lan";
  topology.networks[1].name = "wan";
  topology.machines = {machine("a", {"lan"}), machine("b", {"lan", "wan"}), machine("alone", {})};
  return topology;
}

TEST(VerbParser, ReadsExec) {
  EXPECT_EQ(
      parse("exec a,b --timeout 30s --cwd /srv --env A=b --env=C=d=e -- ls -l --timeout 5s"),
      Verb(ExecVerb{
          {"a", "b"}, 30s, "/srv", {{"A", "b"}, {"C", "d=e"}}, {"ls", "-l", "--timeout", "5s"}}));
  EXPECT_EQ(parse("exec a -- --help ''"),
            Verb(ExecVerb{{"a"}, std::nullopt, {}, {}, {"--help", ""}}));
}

TEST(VerbParser, ReadsCopyInEveryDirection) {
  EXPECT_EQ(parse("copy files a,b:/srv"), Verb(CopyVerb{{{}, "files"}, {{"a", "b"}, "/srv"}}));
  EXPECT_EQ(parse("copy a:/x ../y"), Verb(CopyVerb{{{"a"}, "/x"}, {{}, "../y"}}));
  EXPECT_EQ(parse("copy a:/x b:/y:z"), Verb(CopyVerb{{{"a"}, "/x"}, {{"b"}, "/y:z"}}));
  EXPECT_EQ(parse("copy ./a:b c:/"), Verb(CopyVerb{{{}, "./a:b"}, {{"c"}, "/"}}));
}

TEST(VerbParser, ReadsEveryConditionToWaitFor) {
  EXPECT_EQ(parse("wait-for a port 8080"), Verb(WaitForVerb{{"a"}, PortOpen{8080}, 60s}));
  EXPECT_EQ(parse("wait-for --timeout=2m a,b unit ssh.service"),
            Verb(WaitForVerb{{"a", "b"}, UnitActive{"ssh.service"}, 2min}));
  EXPECT_EQ(parse("wait-for a file /run/x --timeout 500ms"),
            Verb(WaitForVerb{{"a"}, FileExists{"/run/x"}, 500ms}));
  EXPECT_EQ(parse("wait-for a output '3 members' --timeout 5s -- etcdctl member list"),
            Verb(WaitForVerb{{"a"}, OutputHolds{"3 members", {"etcdctl", "member", "list"}}, 5s}));
}

TEST(VerbParser, TakesTheTextOfAnOutputAsItStands) {
  EXPECT_EQ(parse("wait-for a output --timeout -- x"),
            Verb(WaitForVerb{{"a"}, OutputHolds{"--timeout", {"x"}}, 60s}));
  EXPECT_EQ(parse("wait-for a output -- -- x"),
            Verb(WaitForVerb{{"a"}, OutputHolds{"--", {"x"}}, 60s}));
}

TEST(VerbParser, ReadsWhatANetworkCanBeTold) {
  EXPECT_EQ(parse("net show"), Verb(NetVerb(ShowNetworks{false})));
  EXPECT_EQ(parse("net counters --json"), Verb(NetVerb(ShowCounters{true})));
  EXPECT_EQ(parse("net heal --network lan"), Verb(NetVerb(Heal{"lan"})));
  EXPECT_EQ(parse("net reset a"), Verb(NetVerb(ResetLink{{"a", ""}})));
  EXPECT_EQ(parse("net up a@lan"), Verb(NetVerb(SwitchLink{{"a", "lan"}, true})));
  EXPECT_EQ(parse("net down a@lan"), Verb(NetVerb(SwitchLink{{"a", "lan"}, false})));
  EXPECT_EQ(parse("net capture a@lan out/a.pcapng"),
            Verb(NetVerb(StartCapture{{"a", "lan"}, "out/a.pcapng"})));
  EXPECT_EQ(parse("net capture-stop a"), Verb(NetVerb(StopCapture{{"a", ""}})));
  Impairment impairment;
  impairment.latency = 20ms;
  impairment.loss = 0.01;
  EXPECT_EQ(parse("net set c@lan latency=20ms loss=1%"),
            Verb(NetVerb(SetImpairment{{"c", "lan"}, impairment})));
  EXPECT_EQ(parse("net set c 'latency=20ms loss=1%'"),
            Verb(NetVerb(SetImpairment{{"c", ""}, impairment})));
}

TEST(VerbParser, TakesAPartitionHoweverAShellHasSplitIt) {
  Verb expected{NetVerb(Partition{{{"a", "b"}, {"c"}}, ""})};
  for (const char* line :
       {"net partition a,b '|' c", "net partition 'a,b | c'", "net partition 'a,b|c'",
        "net partition a, b '|c'", "net partition a b '|' c"})
    EXPECT_EQ(parse(line), expected) << line;
  EXPECT_EQ(parse("net partition a --network lan"), Verb(NetVerb(Partition{{{"a"}}, "lan"})));
}

TEST(VerbParser, ReadsBarrierAndMachines) {
  EXPECT_EQ(parse("connect a"), Verb(ConnectVerb{"a"}));
  EXPECT_EQ(parse("barrier ready"), Verb(BarrierVerb{"ready", {}, 60s}));
  EXPECT_EQ(parse("barrier v1.2 --of a,b --timeout 5s"), Verb(BarrierVerb{"v1.2", {"a", "b"}, 5s}));
  EXPECT_EQ(parse("machines --json"), Verb(MachinesVerb{true}));
}

TEST(VerbParser, ReadsBackWhatItPrints) {
  for (const char* line : {
           "exec a,b --timeout 30s --cwd /srv --env 'A=b c' -- sh -c 'echo \"$x\"' ''",
           "exec a -- ls",
           "copy files a,b:/srv",
           "copy ./a:b c:/",
           "copy a:/x -y",
           "wait-for a port 8080 --timeout 90s",
           "wait-for a,b unit 'dev-sda\\x20.device'",
           "wait-for a file /x",
           "wait-for a output --json --timeout 5s -- cmd --timeout 5s",
           "net show --json",
           "net counters",
           "net partition a,b '|' c '|' d --network lan",
           "net heal",
           "net heal --network lan",
           "net set a@lan down latency=20ms loss=1%",
           "net set a none",
           "net reset a",
           "net up a",
           "net down a@lan",
           "net capture a@lan -x:y.pcapng",
           "net capture-stop a@lan",
           "barrier b --of a,b --timeout 5s",
           "barrier b",
           "machines",
       })
    EXPECT_EQ(to_string(parse(line)), line);
}

TEST(VerbParser, PrintsACallersPathSoThatItStaysOne) {
  EXPECT_EQ(to_string(Verb(CopyVerb{{{}, "--x"}, {{"a"}, "/x"}})), "copy ./--x a:/x");
  EXPECT_EQ(to_string(Verb(CopyVerb{{{}, "b:/x"}, {{"a"}, "/x"}})), "copy ./b:/x a:/x");
}

TEST(VerbParser, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(mistake(""), "0: a verb is missing; such as 'exec', 'copy', 'wait-for' or 'net'");
  EXPECT_EQ(mistake("exce a -- ls"), "0: unknown verb 'exce'; did you mean 'exec'?");
  EXPECT_EQ(mistake("net prtition a"),
            "1: unknown word after 'net': 'prtition'; did you mean 'partition'?");
  EXPECT_EQ(mistake("net"),
            "1: 'net' lacks what to do; such as 'show', 'partition', 'heal' or 'set'");
  EXPECT_EQ(mistake("copy a:/x"), "2: 'copy' lacks its destination; usage: copy SRC DST");
  EXPECT_EQ(mistake("copy a:/x b c"), "3: 'c' is one word too many; usage: copy SRC DST");
  EXPECT_THAT(mistake("exec a ls"), HasSubstr("3: 'exec' lacks '--' and a command; usage: exec"));
  EXPECT_THAT(mistake("exec a --"), HasSubstr("3: a command is to follow '--'"));
  EXPECT_THAT(mistake("exec a b -- ls"), HasSubstr("2: 'b' is one word too many"));
  EXPECT_EQ(mistake("exec a --timout 5s -- ls"),
            "2: 'exec' has no option '--timout'; did you mean '--timeout'?");
  EXPECT_EQ(mistake("exec a --timeout 5 -- ls"),
            "3: '5' is not a duration; write a number and a unit, like '90s', '2m' or '1h30m'");
  EXPECT_THAT(mistake("exec a --timeout 0s -- ls"), HasSubstr("3: a timeout is more than 0s"));
  EXPECT_THAT(mistake("exec a --timeout -- ls"), HasSubstr("2: '--timeout' lacks its value"));
  EXPECT_EQ(mistake("exec a --cwd x -- ls"), "3: 'x' must be an absolute path without '..'");
  EXPECT_EQ(mistake("exec a --env =x -- ls"), "3: '=x' sets no variable; write NAME=value");
  EXPECT_EQ(mistake("exec a --env A=x --env A=y -- ls"), "5: variable 'A' is set twice");
  EXPECT_EQ(mistake("exec a,,b -- ls"), "1: '' cannot name a machine");
  EXPECT_EQ(mistake("exec a,a -- ls"), "1: machine 'a' is named twice");
  EXPECT_EQ(mistake("exec host -- ls"), "1: 'host' cannot name a machine");
  EXPECT_EQ(mistake("copy x y"), "1: neither end of this copy is in a machine; write "
                                 "'machine:/path' for what is in a machine");
  EXPECT_EQ(mistake("copy a,b:/x y"), "1: a copy has one source");
  EXPECT_EQ(mistake("copy x a:y"), "2: 'y' must be an absolute path without '..'");
  EXPECT_EQ(mistake("copy x a:/y -- ls"), "3: 'copy' takes no command; usage: copy SRC DST");
  EXPECT_EQ(mistake("wait-for a prt 80"), "2: unknown condition 'prt'; did you mean 'port'?");
  EXPECT_THAT(mistake("wait-for a port 0"), HasSubstr("3: '0' is no port"));
  EXPECT_THAT(mistake("wait-for a port 80x"), HasSubstr("3: '80x' is no port"));
  EXPECT_THAT(mistake("wait-for a unit -x"), HasSubstr("3: '-x' cannot name a unit"));
  EXPECT_THAT(mistake("wait-for a port 80 -- ls"), HasSubstr("4: 'wait-for' takes no command"));
  EXPECT_THAT(mistake("wait-for a output x"), HasSubstr("lacks '--' and a command"));
  EXPECT_THAT(mistake("wait-for a output ''"), HasSubstr("a part of one line"));
  EXPECT_THAT(mistake("net partition"), HasSubstr("1: a group of this partition is empty"));
  EXPECT_THAT(mistake("net partition a '|'"), HasSubstr("3: a group of this partition is empty"));
  EXPECT_THAT(mistake("net partition 'a||b'"), HasSubstr("2: a group of this partition is empty"));
  EXPECT_EQ(mistake("net partition a '|' b,a"), "4: machine 'a' is named twice");
  EXPECT_EQ(mistake("net set a"),
            "3: 'net set' lacks an impairment; usage: net set LINK IMPAIRMENT…");
  EXPECT_EQ(mistake("net set a latency=5ms los=1%"),
            "4: 'los' is no impairment; did you mean 'loss'?");
  EXPECT_EQ(mistake("net heal lan"),
            "2: 'lan' is one word too many; usage: net heal [--network N]");
  EXPECT_THAT(mistake("barrier 'a b'"), HasSubstr("1: 'a b' cannot name a barrier"));
  EXPECT_EQ(mistake("machines --json --json"), "2: '--json' is given twice");
  EXPECT_EQ(mistake("machines --json=x"), "1: '--json' takes no value");
}

TEST(VerbParser, HoldsNamesAgainstTheTopology) {
  Topology topology = trio();
  EXPECT_EQ(mistake("exec a,b,alone -- ls", &topology), "none");
  EXPECT_EQ(mistake("exec alon -- ls", &topology),
            "1: there is no machine 'alon' in topology 'trio'; did you mean 'alone'?");
  EXPECT_EQ(mistake("barrier x --of q", &topology),
            "3: there is no machine 'q' in topology 'trio'; it has 'a', 'b', 'alone'");
  EXPECT_EQ(mistake("net heal --network wam", &topology),
            "3: there is no network 'wam' in topology 'trio'; did you mean 'wan'?");
  EXPECT_EQ(mistake("net down a@wan", &topology),
            "2: machine 'a' does not stand on network 'wan'; it stands on 'lan'");
  EXPECT_EQ(mistake("net down alone", &topology), "2: machine 'alone' stands on no network");
  EXPECT_EQ(mistake("net partition a '|' b --network wan", &topology),
            "2: machine 'a' does not stand on network 'wan'; it stands on 'lan'");
  EXPECT_EQ(mistake("net capture b x.pcapng", &topology),
            "2: machine 'b' has 2 links; say which: 'b@lan', 'b@wan'");
  EXPECT_EQ(mistake("net capture a x.pcapng", &topology), "none");
}

TEST(VerbParser, BoundsWhatItReads) {
  std::vector<std::string> many(5000, "x");
  many[0] = "exec";
  EXPECT_EQ(read_verb(many).error().word, 4096U);
  EXPECT_THAT(read_verb({"exec", std::string(2 << 20, 'x')}).error().message,
              HasSubstr("longer than 4096 words or 1 MiB"));
  EXPECT_EQ(read_verb({"exec", std::string("a\0", 2)}).error().message,
            "this word holds a zero byte");
}

TEST(VerbParser, ThrowsAUsageError) {
  try {
    parse_verb({"exce"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::usage);
    EXPECT_EQ(error.hint, "did you mean 'exec'?");
  }
}

TEST(VerbUsages, NameEveryVerb) {
  for (const VerbUsage& usage : verb_usages()) {
    auto verb = read_verb(words_of(usage.name));
    std::string message = verb ? "" : verb.error().message;
    EXPECT_THAT(message, testing::Not(HasSubstr("unknown"))) << usage.name;
  }
}

}  // namespace
}  // namespace nestbox
