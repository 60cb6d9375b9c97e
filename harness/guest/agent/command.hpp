#pragma once

#include <string>

#include "harness/base/scope.hpp"
#include "harness/guest/agent/stream.hpp"

namespace nestbox::agent {

/// A command at work: its process tree, its pipes or terminal. When the main process ends, whatever
/// it left running is killed, what the pipes still hold is sent, then the exit.
class Command : public Stream {
public:
  Command(Session& session, std::uint32_t id, const RunMessage& message, bool expendable);
  ~Command() override;

  void receive(const Frame& frame) override;
  void ready(unsigned which) override;
  bool reaped(pid_t pid, int status) override;

private:
  struct Channel {
    FileDescriptor descriptor;
    FrameType type;
    bool watched = false;
  };
  enum Which : unsigned { k_output, k_error_output, k_input, k_tree };

  bool open_pipes(const RunMessage& message, Launch& launch);
  bool open_terminal(RunMessage::Terminal size, Launch& launch);
  void watch(Channel& channel);
  void unwatch(Channel& channel);
  bool read_some(Channel& channel);
  void input(std::string_view bytes);
  void write_input();
  void close_input();
  void kill();
  void settle();

  ProcessTrees::Tree m_tree;
  FileDescriptor m_child_ends[3];
  Channel m_channels[2] = {{{}, FrameType::output}, {{}, FrameType::error_output}};
  bool m_terminal = false;
  bool m_leaves_running = false;
  std::uint32_t m_credit = k_output_window;
  FileDescriptor m_input_descriptor;
  std::string m_input;
  bool m_input_watched = false;
  bool m_input_ended = false;
  bool m_tree_watched = false;
  bool m_reaped = false;
  int m_status = 0;
  std::uint32_t m_oom_kills_before = 0;
};

}  // namespace nestbox::agent
