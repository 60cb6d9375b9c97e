#include "runner/cli/app.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "harness/model/definition_loader.hpp"
#include "runner/cli/cache.hpp"
#include "runner/cli/cache_exchange.hpp"
#include "runner/cli/doctor.hpp"
#include "runner/cli/environments.hpp"
#include "runner/cli/feature_table.hpp"
#include "runner/cli/init.hpp"
#include "runner/cli/list.hpp"
#include "runner/cli/reap.hpp"
#include "runner/cli/run.hpp"
#include "runner/cli/run_command_line.hpp"
#include "runner/cli/shell.hpp"
#include "runner/cli/show.hpp"
#include "runner/cli/validate.hpp"
#include "runner/cli/verbs.hpp"

namespace nestbox {
namespace {

constexpr char k_exit_codes[] =
    "Exit codes: 0 passed, 1 tests failed, 2 usage or definition, 3 infrastructure, "
    "5 nothing selected, 130 interrupted.";

constexpr char k_run_examples[] =
    R"(A command may follow after '--': nestbox run [FLAGS] -- COMMAND...

Examples:
  nestbox run ./test.sh                   one script, on a machine of its own
  nestbox run tests/ -m 'not slow'        all scripts below tests/ but the slow ones
  nestbox run -- ip netns add x           a command; its exit code is nestbox's
  nestbox run -m 'not vm'                 what needs no machine, on this host
  nestbox run flaky.sh --repeat 100       a hundred machines, a hundred verdicts
  nestbox run --report junit=out.xml      for a CI server

)";

/// `arguments` cut at the first "--": what is ours, and the command that follows.
struct CommandLine {
  std::vector<std::string> ours;
  std::vector<std::string> command;
  bool has_command = false;
};

CommandLine cut_at_dashes(const std::vector<std::string>& arguments) {
  auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  CommandLine line{{arguments.begin(), dashes}, {}, dashes != arguments.end()};
  if (line.has_command)
    line.command.assign(dashes + 1, arguments.end());
  return line;
}

class Program {
public:
  Program(const std::vector<std::string>& arguments, const DriverRegistry& drivers,
          const std::vector<ForeignCommand>& foreign)
      : m_arguments(arguments), m_line(cut_at_dashes(arguments)), m_drivers(drivers),
        m_foreign(foreign) {
    m_app.name("nestbox");
    m_app.set_version_flag("--version", "nestbox " NESTBOX_VERSION);
    m_app.require_subcommand(1);
    m_app.footer(
        std::string(
            "Start with 'nestbox run ./test.sh', or 'nestbox doctor' when something is amiss.\n")
        + k_exit_codes);
    declare_run();
    declare_list();
    declare_show();
    declare_shell();
    declare_definitions();
    declare_doctor();
    declare_reap();
    declare_cache();
    declare_environments();
    declare_verbs();
    for (const ForeignCommand& its : m_foreign)
      if (!its.summary.empty())
        m_app.add_subcommand(its.name, its.summary);
  }

  int run() {
    // Their words are another grammar's, and what follows '--' belongs to them.
    if (!m_arguments.empty()
        && std::count(verb_names().begin(), verb_names().end(), m_arguments.front()) > 0)
      return do_verb(m_arguments);
    for (const ForeignCommand& its : m_foreign)
      if (!m_arguments.empty() && m_arguments.front() == its.name)
        return its.run({m_arguments.begin() + 1, m_arguments.end()});
    check_command_words();
    std::vector<std::string> reversed(m_line.ours.rbegin(), m_line.ours.rend());
    try {
      m_app.parse(reversed);
    } catch (const CLI::Success& wanted) {  // --help, --version
      return m_app.exit(wanted);
    } catch (const CLI::ParseError& error) {
      throw usage_error(error);
    }
    if (m_line.has_command && !m_app.got_subcommand("run"))
      throw Error(ErrorCode::usage, "only 'nestbox run' takes a command after '--'");
    if (m_line.has_command && m_line.command.empty())
      throw Error(ErrorCode::usage, "no command follows '--'",
                  "for example: nestbox run -- uname -a");
    return m_action();
  }

private:
  CLI::App* command(CLI::App& parent, const char* name, const char* help,
                    std::function<int()> action) {
    CLI::App* app = parent.add_subcommand(name, help);
    app->callback([this, act = std::move(action)] {
      if (!m_action)
        m_action = act;
    });
    return app;
  }

  CLI::App* noun(const char* name, const char* help) {
    CLI::App* app = m_app.add_subcommand(name, help);
    app->require_subcommand(1);
    return app;
  }

  /// Unknown words before CLI11 sees them, for it cannot say what was meant.
  void check_command_words() {
    const CLI::App* level = &m_app;
    for (const std::string& word : m_line.ours) {
      const std::vector<const CLI::App*> known =
          level->get_subcommands([](const CLI::App*) { return true; });
      if (known.empty() || word.starts_with('-'))
        return;
      std::vector<std::string> names;
      const CLI::App* next = nullptr;
      for (const CLI::App* candidate : known) {
        names.push_back(candidate->get_name());
        if (candidate->get_name() == word)
          next = candidate;
      }
      if (!next) {
        const std::string near = did_you_mean(word, names);
        throw Error(ErrorCode::usage,
                    level == &m_app
                        ? fmt::format("unknown command '{}'", word)
                        : fmt::format("unknown command '{} {}'", level->get_name(), word),
                    near.empty() ? "the commands are " + join(names, ", ") : near);
      }
      level = next;
    }
  }

  Error usage_error(const CLI::ParseError& error) const {
    std::string text = error.what();
    const std::size_t end = text.find('\n');
    std::string hint = "see 'nestbox --help'";
    for (const CLI::App* app : m_app.get_subcommands())
      hint = fmt::format("see 'nestbox {} --help'", app->get_name());
    return Error(ErrorCode::usage, text.substr(0, end), hint);
  }

  void declare_run() {
    CLI::App* app = command(m_app, "run", "Run tests, each on a machine of its own", [this] {
      RunOptions options = m_run->finish(m_line.command, m_arguments);
      if (options.console.verbose)
        set_log_level(LogLevel::debug);
      return run_tests(options, m_drivers);
    });
    app->footer(
        std::string(k_run_examples)
        + "Exit codes: 0 passed, 1 tests failed, 2 usage or definition, 3 infrastructure,\n"
          "5 nothing selected, 130 interrupted. A command after '--' passes its own exit code on.\n"
          "Ctrl-C once lets running tests finish, twice ends them.");
    m_run.emplace(*app);
  }

  void declare_list() {
    CLI::App* app = command(m_app, "list", "List the tests that would run", [this] {
      Suite suite = discover_or_throw(m_paths, {});
      Selection selection = value_or_throw(select_tests(
          std::move(suite.tests), parse_selection(m_selection), suite.definition.markers));
      const int code = selection.tests.empty() ? 5 : 0;
      if (m_explain)
        list_explained(std::move(selection), suite.definition,
                       {m_driver, m_selection.markers, parse_accelerator(m_accelerator)}, m_drivers,
                       std::cout);
      else
        (m_json ? list_tests_json : list_tests)(selection, suite.definition, std::cout);
      return code;
    });
    app->add_option("paths", m_paths, "Scripts, folders, or names of tests in nestbox.yml")
        ->type_name("PATH|NAME");
    add_selection(*app, m_selection);
    app->add_flag("--explain", m_explain, "Say on which driver each would run, and why");
    app->add_option("--driver", m_driver, "With --explain: as of 'nestbox run'")->type_name("NAME");
    app->add_option("--accel", m_accelerator, "With --explain: prefer, require or never")
        ->type_name("POLICY");
    add_json(*app);
  }

  void declare_show() {
    CLI::App* app =
        command(m_app, "show", "Show a run, or one test of it: verdict, output, console, times",
                [this] { return show_run(m_show); });
    app->add_option("run", m_show.run, "A run's id, the beginning of one, or 'latest'")
        ->type_name("RUN");
    app->add_option("test", m_show.test, "One test of it")->type_name("TEST");
    app->add_flag("--list", m_show.list, "List the runs that are kept");
    app->add_flag("--json", m_show.json, "As JSON");
    app->footer(
        "Examples:\n  nestbox show\n  nestbox show latest tests/nat.sh\n  nestbox show --list\n");
  }

  void declare_shell() {
    CLI::App* app = command(m_app, "shell", "Open a terminal in a machine forked for you", [this] {
      m_shell.accelerator = parse_accelerator(m_accelerator);
      return open_shell(m_shell, m_drivers);
    });
    app->add_option("environment", m_shell.environment, "Where to; 'debian' when left out")
        ->type_name("ENV");
    app->add_option("--driver", m_shell.driver, "What makes the machine: auto, or a driver's name")
        ->type_name("NAME");
    app->add_option("--accel", m_accelerator, "Hardware acceleration: prefer, require or never")
        ->type_name("POLICY");
    app->add_flag("--all-files", m_shell.all_files, "Copy files in that git ignores, too");
    app->footer(
        "The source tree is in the working directory. The machine is gone when the shell ends.\n");
  }

  void declare_definitions() {
    CLI::App* init = command(m_app, "init", "Write a nestbox.yml that fits what is here", [this] {
      return run_init({fs::current_path(), m_print}, std::cout, std::cerr);
    });
    init->add_flag("--print", m_print, "To stdout instead of the file");
    CLI::App* validate = command(m_app, "validate", "Check nestbox.yml and script headers", [this] {
      return run_validate({fs::current_path(), m_paths, m_json}, std::cout, std::cerr);
    });
    validate
        ->add_option("paths", m_paths,
                     "Definitions, scripts, folders; none: nestbox.yml, found upwards")
        ->type_name("PATH");
    add_json(*validate);
    command(m_app, "schema", "Print the JSON Schema of nestbox.yml", [] {
      std::cout << definition_schema();
      return 0;
    });
  }

  void declare_doctor() {
    CLI::App* app = command(
        m_app, "doctor", "Say what works on this host, what does not, and what to do about it",
        [this] {
          if (m_features)
            std::cout << feature_table(m_drivers);
          return m_features ? 0 : run_doctor(m_json, parse_accelerator(m_accelerator), m_drivers);
        });
    app->add_flag("--features", m_features,
                  "Print what each driver can do, here or elsewhere, as a Markdown table");
    app->add_option("--accel", m_accelerator, "Hardware acceleration: prefer, require or never")
        ->type_name("POLICY");
    add_json(*app);
  }

  void declare_reap() {
    CLI::App* app =
        command(m_app, "reap", "End what a nestbox that was killed has left behind", [this] {
          m_reap.json = m_json;
          return reap(m_reap, m_drivers);
        });
    app->add_flag("--dry-run", m_reap.dry_run, "Say what there is, end nothing");
    app->add_option("--driver", m_reap.driver, "Of one driver only")->type_name("NAME");
    add_json(*app);
  }

  void declare_cache() {
    CLI::App* app = noun("cache", "What nestbox keeps on disk: layers of environments");
    add_json(*command(*app, "list", "List the entries", [this] { return list_cache(m_json); }));
    CLI::App* gc = command(*app, "gc", "Remove what was not used for longest",
                           [this] { return collect_cache(m_keep, m_json); });
    gc->add_option("--keep", m_keep, "Keep so much: 10GiB")->type_name("SIZE");
    add_json(*gc);
    add_json(*command(*app, "verify", "Check every entry in full; set aside what is damaged",
                      [this] { return verify_cache(m_json); }));
    declare_exchange(*app, "push", "Store layers for other hosts to begin with", push_cache);
    declare_exchange(*app, "pull", "Fetch layers that another host has stored", pull_cache);
    declare_exchange(*app, "link", "Make links by which others can pull layers for a while",
                     link_cache)
        ->add_option("--for", m_exchange.lifetime, "How long they are good, at most 168h")
        ->type_name("TIME")
        ->capture_default_str();
    CLI::App* drop = command(*app, "drop", "Remove entries",
                             [this] { return drop_from_cache(m_paths, m_json); });
    drop->add_option("keys", m_paths, "Keys, or their first 8 characters or more; 'all'")
        ->type_name("KEY")
        ->required();
    add_json(*drop);
  }

  CLI::App* declare_exchange(CLI::App& noun, const char* name, const char* help,
                             int (*exchange)(const ExchangeOptions&, const DriverRegistry&)) {
    CLI::App* app = command(noun, name, help, [this, exchange] {
      m_exchange.accelerator = parse_accelerator(m_accelerator);
      m_exchange.json = m_json;
      return exchange(m_exchange, m_drivers);
    });
    app->add_option("store", m_exchange.store, "A folder, s3://bucket/prefix, or a file of links")
        ->type_name("STORE")
        ->required();
    app->add_option("environments", m_exchange.environments, "Their names; none: all layers")
        ->type_name("ENV");
    app->add_option("--driver", m_exchange.driver, "What makes the machines: auto, qemu or local")
        ->type_name("NAME");
    app->add_option("--accel", m_accelerator, "Hardware acceleration: prefer, require or never")
        ->type_name("POLICY");
    add_json(app);
    return app;
  }

  void declare_environments() {
    CLI::App* app = noun("env", "The environments that tests run in");
    add_json(*command(*app, "list", "List the environments",
                      [this] { return list_environments(m_json); }));
    for (const bool refresh : {false, true}) {
      CLI::App* verb =
          command(*app, refresh ? "refresh" : "build",
                  refresh ? "Build environments again from their first layer"
                          : "Build what environments lack",
                  [this, refresh] {
                    return build_environments(
                        {m_paths, m_driver, parse_accelerator(m_accelerator), refresh}, m_drivers);
                  });
      verb->add_option("environments", m_paths,
                       "Their names; none: those that the tests here use, and their topologies")
          ->type_name("ENV");
      verb->add_option("--driver", m_driver, "What makes the machines: auto, qemu or local")
          ->type_name("NAME");
      verb->add_option("--accel", m_accelerator, "Hardware acceleration: prefer, require or never")
          ->type_name("POLICY");
    }
  }

  /// For the list of commands; `run` never leaves them to CLI11.
  void declare_verbs() {
    for (const std::string& name : verb_names())
      m_app.add_subcommand(name, verb_summary(name))->group("In a test of several machines");
  }

  void add_json(CLI::App& app) { app.add_flag("--json", m_json, "As JSON"); }
  void add_json(CLI::App* app) { add_json(*app); }

  const std::vector<std::string>& m_arguments;
  CommandLine m_line;
  const DriverRegistry& m_drivers;
  const std::vector<ForeignCommand>& m_foreign;
  CLI::App m_app{
      "A fresh machine for every test, in less time than a process used to take to start."};
  std::function<int()> m_action;
  std::optional<RunCommandLine> m_run;
  SelectionText m_selection;
  ShowOptions m_show;
  ShellOptions m_shell;
  ExchangeOptions m_exchange;
  ReapOptions m_reap;
  std::vector<std::string> m_paths;
  std::string m_accelerator = "prefer";
  std::string m_driver = "auto";
  std::string m_keep = "10GiB";
  bool m_json = false;
  bool m_print = false;
  bool m_explain = false;
  bool m_features = false;
};

}  // namespace

int run_program(const std::vector<std::string>& arguments, const DriverRegistry& drivers,
                const std::vector<ForeignCommand>& foreign) {
  // Both before any thread: a reader that goes away is an error of write(2), not our end, and
  // whoever waits for SIGWINCH reads it from a descriptor.
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t resized;
  ::sigemptyset(&resized);
  ::sigaddset(&resized, SIGWINCH);
  ::pthread_sigmask(SIG_BLOCK, &resized, nullptr);
  try {
    const int code = Program(arguments, drivers, foreign).run();
    std::cout.flush();
    return code;
  } catch (const Error& error) {
    std::cerr << (error.where ? "" : "nestbox: ") << printable(error.render()) << '\n';
    return exit_code(error.code);
  } catch (const std::exception& error) {
    std::cerr << "nestbox: error: " << printable(error.what()) << '\n';
    return 3;
  }
}

}  // namespace nestbox
