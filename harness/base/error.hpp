#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nestbox {

/// What kind of thing went wrong; decides the exit code.
enum class ErrorCode {
  usage,           ///< the command line asks for something impossible
  definition,      ///< a mistake in nestbox.yml, a marker expression or a script's header
  not_found,       ///< a named thing (test, environment, run, file) does not exist
  unsupported,     ///< this host, driver or version cannot do it
  io,              ///< a file, socket or process call failed
  timeout,         ///< a deadline passed
  cancelled,       ///< the user asked to stop
  corrupt,         ///< stored or received bytes are not what they claim to be
  lost,            ///< a machine stopped answering or vanished
  infrastructure,  ///< a machine or an environment could not be made
};

/// A place in a text, lines and columns from 1; `source_line` is that line, without its end.
/// Columns count characters (UTF-8 code points, a tab is one), as editors do; Error::render() finds
/// the place on the screen.
struct SourceLocation {
  std::string file;
  int line = 0;
  int column = 0;
  std::string source_line;

  bool operator==(const SourceLocation&) const = default;
};

/// The one error of the project: a value in `Result<T>`, or thrown as itself (base/result.hpp joins
/// the two). A failing test is an outcome, never an Error. Safe to copy between threads.
class Error : public std::exception {
public:
  Error(ErrorCode error_code, std::string text, std::string what_to_do = {});

  ErrorCode code;
  std::string message;                  ///< lower case, names in 'quotes', the cause
  std::optional<SourceLocation> where;  ///< for mistakes in a text
  std::vector<std::string> trace;  ///< "while booting machine 'db' (driver qemu)", innermost first
  std::string hint;                ///< what to do about it; may be empty

  /// The same error, seen from one layer further out: `error.during("booting machine 'db'")`.
  [[nodiscard]] Error during(std::string activity) const;

  /// The same error, pinned to a place in a text.
  [[nodiscard]] Error at(SourceLocation location) const;

  /// `message` alone.
  const char* what() const noexcept override { return message.c_str(); }

  /// Everything, for a person: place, message, source line with a caret, trace, hint. Ends without
  /// a newline.
  std::string render() const;
};

/// An Error for a failed system call, made from `errno`: "cannot open '/x': no such file or
/// directory".
Error system_error(const std::string& what_failed, int error_number);

/// The process exit code that an error of this kind ends the program with (README's table).
int exit_code(ErrorCode code);

}  // namespace nestbox
