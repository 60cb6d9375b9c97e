#include "harness/guest/agent/command.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace nestbox::agent {

namespace {

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return {};
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

void never_block(const FileDescriptor& descriptor) {
  fcntl(descriptor.get(), F_SETFL, O_NONBLOCK);
}

void set_size(int terminal, RunMessage::Terminal size) {
  const winsize kernel_size{size.rows, size.columns, 0, 0};
  ioctl(terminal, TIOCSWINSZ, &kernel_size);
}

}  // namespace

Command::Command(Session& session, std::uint32_t id, const RunMessage& message, bool expendable)
    : Stream(session, id), m_terminal(message.terminal.has_value()),
      m_leaves_running(message.leaves_running) {
  Launch launch(message);
  launch.expendable = expendable;
  if (!(m_terminal ? open_terminal(*message.terminal, launch) : open_pipes(message, launch))) {
    fail(ErrorMessage::Kind::failed,
         std::string("cannot make pipes for a command: ") + strerrordesc_np(errno));
    return;
  }
  m_oom_kills_before = session.ooms.total();
  m_tree = session.trees.start(launch, m_leaves_running);
  for (FileDescriptor& end : m_child_ends)
    end.close();
  if (m_tree.main < 0) {
    fail(ErrorMessage::Kind::failed,
         "cannot start '" + message.argv[0] + "': " + strerrordesc_np(-m_tree.main));
    return;
  }
  for (Channel& channel : m_channels)
    watch(channel);
}

Command::~Command() {
  for (Channel& channel : m_channels)
    unwatch(channel);
  close_input();
  if (m_tree_watched)
    m_session.sources.remove(m_session.trees.events(m_tree));
  if (m_tree.main > 0) {
    if (!(m_reaped && m_leaves_running) && m_session.trees.alive(m_tree, m_reaped))
      m_session.trees.kill(m_tree);
    m_session.trees.release(m_tree);
  }
}

bool Command::open_pipes(const RunMessage& message, Launch& launch) {
  Pipe output = make_pipe();
  Pipe error_output = make_pipe();
  if (!error_output.write_end)
    return false;
  if (message.input) {
    Pipe input = make_pipe();
    if (!input.write_end)
      return false;
    m_child_ends[0] = std::move(input.read_end);
    m_input_descriptor = std::move(input.write_end);
    never_block(m_input_descriptor);
  } else {
    m_child_ends[0] = FileDescriptor(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  }
  m_child_ends[1] = std::move(output.write_end);
  m_child_ends[2] = std::move(error_output.write_end);
  m_channels[0].descriptor = std::move(output.read_end);
  m_channels[1].descriptor = std::move(error_output.read_end);
  never_block(m_channels[0].descriptor);
  never_block(m_channels[1].descriptor);
  launch.standard_input = m_child_ends[0].get();
  launch.standard_output = m_child_ends[1].get();
  launch.standard_error = m_child_ends[2].get();
  return true;
}

bool Command::open_terminal(RunMessage::Terminal size, Launch& launch) {
  FileDescriptor master(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  int locked = 0;
  if (!master || ioctl(master.get(), TIOCSPTLCK, &locked) != 0)
    return false;
  set_size(master.get(), size);
  m_child_ends[0] = FileDescriptor(ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  m_input_descriptor = FileDescriptor(fcntl(master.get(), F_DUPFD_CLOEXEC, 3));
  if (!m_child_ends[0] || !m_input_descriptor)
    return false;
  m_channels[0].descriptor = std::move(master);
  launch.terminal = true;
  launch.standard_input = launch.standard_output = launch.standard_error = m_child_ends[0].get();
  return true;
}

void Command::watch(Channel& channel) {
  if (channel.descriptor && !channel.watched) {
    m_session.sources.add(channel.descriptor.get(), EPOLLIN,
                          tag(&channel == m_channels ? k_output : k_error_output));
    channel.watched = true;
  }
}

void Command::unwatch(Channel& channel) {
  if (channel.watched)
    m_session.sources.remove(channel.descriptor.get());
  channel.watched = false;
}

/// Sends one read's worth; true when there may be more to read at once.
bool Command::read_some(Channel& channel) {
  if (m_credit == 0) {
    unwatch(channel);  // a hung-up pipe would report itself again and again
    return false;
  }
  const std::size_t size = std::min<std::size_t>(m_credit, k_max_payload);
  char* const payload = m_session.payload.data();
  const ssize_t count = read(channel.descriptor.get(), payload, size);
  if (count > 0) {
    send(channel.type, {payload, static_cast<std::size_t>(count)});
    m_credit -= static_cast<std::uint32_t>(count);
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return errno == EINTR;
  unwatch(channel);
  channel.descriptor.close();
  return false;
}

void Command::receive(const Frame& frame) {
  if (frame.type == FrameType::input) {
    input(frame.payload);
  } else if (frame.type == FrameType::end) {
    m_input_ended = true;
    write_input();
  } else if (frame.type == FrameType::kill) {
    kill();
  } else if (frame.type == FrameType::credit) {
    m_credit += std::min(decode_credit(frame.payload).value_or(0), k_output_window - m_credit);
    for (Channel& channel : m_channels)
      watch(channel);
    settle();
  } else if (const auto size = decode_resize(frame.payload);
             size && frame.type == FrameType::resize && m_terminal) {
    set_size(m_input_descriptor.get(), *size);
  }
}

void Command::input(std::string_view bytes) {
  if (!m_input_descriptor) {
    grant(bytes.size());
    return;
  }
  if (m_input.size() + bytes.size() > k_input_window) {  // more than it was given credit for
    kill();
    return;
  }
  m_input += bytes;
  write_input();
}

void Command::write_input() {
  std::size_t written = 0;
  while (m_input_descriptor && written < m_input.size()) {
    const ssize_t count =
        write(m_input_descriptor.get(), m_input.data() + written, m_input.size() - written);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && errno != EAGAIN)
      close_input();
    if (count < 0)
      break;
    written += static_cast<std::size_t>(count);
  }
  if (!m_input_descriptor)
    written = m_input.size();
  m_input.erase(0, written);
  grant(written);
  if (m_input_descriptor && m_input.empty() != !m_input_watched) {
    if (m_input_watched)
      m_session.sources.remove(m_input_descriptor.get());
    else
      m_session.sources.add(m_input_descriptor.get(), EPOLLOUT, tag(k_input));
    m_input_watched = !m_input_watched;
  }
  if (!m_input.empty() || !m_input_ended)
    return;
  m_input_ended = false;
  if (m_terminal) {
    const char end_of_file = CEOF;
    [[maybe_unused]] const ssize_t told = write(m_input_descriptor.get(), &end_of_file, 1);
  } else {
    close_input();
  }
}

/// Once the main process is reaped its tree has been killed, and its pid may be another's.
void Command::kill() {
  m_leaves_running = false;
  if (!m_reaped)
    m_session.trees.kill(m_tree);
}

void Command::close_input() {
  if (m_input_watched)
    m_session.sources.remove(m_input_descriptor.get());
  m_input_watched = false;
  m_input_descriptor.close();
}

void Command::ready(unsigned which) {
  if (which == k_input)
    write_input();
  else if (m_reaped)
    settle();
  else if (which < std::size(m_channels) && m_channels[which].descriptor)
    read_some(m_channels[which]);
}

bool Command::reaped(pid_t pid, int status) {
  if (pid == m_tree.main && !m_reaped) {
    m_reaped = true;
    m_status = status;
    if (!m_leaves_running && m_session.trees.alive(m_tree, true)) {
      m_session.trees.kill(m_tree);
      m_session.sources.add(m_session.trees.events(m_tree), EPOLLPRI, tag(k_tree));
      m_tree_watched = true;
    }
    settle();
    return true;
  }
  settle();  // it may have been the last of this tree's orphans
  return false;
}

/// Ends the stream once the main process and all its descendants (that are to end with it) are dead
/// and their last bytes sent.
void Command::settle() {
  if (!m_reaped || finished() || (!m_leaves_running && m_session.trees.alive(m_tree, true)))
    return;
  for (Channel& channel : m_channels) {
    // Nobody is left who could write, unless a pipe was handed to a process outside or one that
    // goes on: what is there now is all.
    while (channel.descriptor && m_session.outbox.has_room() && read_some(channel)) {
    }
    if (channel.descriptor && (m_credit == 0 || !m_session.outbox.has_room()))
      return;
  }
  ExitMessage message;
  if (WIFSIGNALED(m_status))
    message.signal = WTERMSIG(m_status);
  else
    message.code = WEXITSTATUS(m_status);
  message.oom_kills = m_session.ooms.total() - m_oom_kills_before;
  finish(FrameType::exit, encode(message));
}

}  // namespace nestbox::agent
