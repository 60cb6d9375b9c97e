#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/guest/frame.hpp"

/// How a program asks the nestbox that runs it to do a verb (`nestbox exec b -- ip address`): the
/// frames of frame.hpp over one stream socket a verb. Shared by the host and by the client, which
/// is the agent's program in a machine (so: no exceptions, no base library).
/// docs/reference/verb-protocol.md describes it.
namespace nestbox {

constexpr std::uint32_t k_verb_version = 1;

/// Where the host is called from within a machine, by root alone: who can call can do anything on
/// every machine of the world.
inline constexpr char k_host_socket[] = "/run/nestbox/host.sock";
/// The environment variable that names another one.
inline constexpr char k_host_socket_variable[] = "NESTBOX_HOST_SOCKET";

/// How the client says that the verb was not even done, as docker and ssh's kin do.
constexpr int k_no_host_exit_code = 125;

/// The first message of a caller; 2 MiB at most.
struct VerbCall {
  std::vector<std::string> argv;  ///< "exec", "b", "--", …
  std::string working_directory;  ///< the caller's own, absolute
  bool terminal = false;          ///< its stdout is one
  bool input = false;             ///< VerbInput will come; else stdin is empty
  bool operator==(const VerbCall&) const = default;
};

/// Bytes point into the reader and are valid until its next `space()`.
struct VerbInput {
  std::string_view bytes;
};
struct VerbInputEnd {};
struct VerbOutput {
  bool error = false;  ///< stderr, not stdout
  std::string_view bytes;
};
/// The last message of a host.
struct VerbExit {
  std::uint8_t code = 0;
};
using VerbMessage = std::variant<VerbCall, VerbInput, VerbInputEnd, VerbOutput, VerbExit>;

/// Each as frames, appended to `out`. Bytes may be any number; none make no frame.
void append(std::string& out, const VerbCall& call);
void append(std::string& out, const VerbInput& input);
void append(std::string& out, const VerbInputEnd& end);
void append(std::string& out, const VerbOutput& output);
void append(std::string& out, const VerbExit& exit);

/// Cuts what one side received from the other into messages, and holds it to their order: a call,
/// then input and its end; output, then the exit.
class VerbDecoder {
public:
  enum class Sender { caller, host };
  explicit VerbDecoder(Sender sender) : m_sender(sender) {}

  FrameDecoder::Space space() { return m_decoder.space(); }
  void filled(std::size_t count) { m_decoder.filled(count); }

  /// Nothing when more bytes are needed, or what came is not the protocol.
  std::optional<VerbMessage> next();

  /// False for good once something else came than the protocol allows. `problem` says what, in a
  /// few words.
  bool sound() const noexcept { return m_problem == nullptr; }
  const char* problem() const noexcept { return m_problem; }

private:
  std::optional<VerbMessage> accept(const Frame& frame);
  std::optional<VerbMessage> accept_call(const Frame& frame);
  std::optional<VerbMessage> accept_exit(const Frame& frame);
  std::optional<VerbMessage> refuse(const char* problem);

  Sender m_sender;
  FrameDecoder m_decoder;
  std::string m_call;
  bool m_called = false;
  bool m_ended = false;
  const char* m_problem = nullptr;
};

}  // namespace nestbox
