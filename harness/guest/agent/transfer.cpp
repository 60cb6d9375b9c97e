#include "harness/guest/agent/transfer.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "harness/guest/agent/system.hpp"

namespace nestbox::agent {

namespace {

bool is_absolute_path(std::string_view path) {
  return path.starts_with('/') && path.size() <= k_max_tree_path
         && path.find('\0') == std::string_view::npos;
}

FileDescriptor open_directory(const std::string& path) {
  return FileDescriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

Put::Put(Session& session, std::uint32_t id, std::string_view destination) : Stream(session, id) {
  if (!is_absolute_path(destination)) {
    fail(ErrorMessage::Kind::invalid, "the destination is no absolute path");
    return;
  }
  const std::string path(destination);
  make_directories(path);
  FileDescriptor root = open_directory(path);
  if (!root)
    fail(ErrorMessage::Kind::failed, "cannot open '" + path + "': " + strerrordesc_np(errno));
  else
    m_writer.emplace(std::move(root), TreeModes::exact, TreeLimits{});
}

void Put::receive(const Frame& frame) {
  if (frame.type == FrameType::kill) {
    finish(FrameType::done, {});
  } else if (frame.type == FrameType::tree) {
    if (m_writer->write(frame.payload))
      grant(frame.payload.size());
    else
      fail(m_writer->refused() ? ErrorMessage::Kind::invalid : ErrorMessage::Kind::failed,
           m_writer->error());
  } else if (frame.type == FrameType::end) {
    if (m_writer->finished())
      finish(FrameType::done, {});
    else
      fail(ErrorMessage::Kind::invalid, "a tree ended in its middle");
  }
}

Get::Get(Session& session, std::uint32_t id, std::string_view source_path) : Stream(session, id) {
  if (!is_absolute_path(source_path)) {
    fail(ErrorMessage::Kind::invalid, "the source is no absolute path");
    return;
  }
  const std::string path(source_path);
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    finish(FrameType::done, {});  // a missing source copies nothing
    return;
  }
  TreeSource source;
  FileDescriptor root;
  if (S_ISDIR(status.st_mode)) {
    root = open_directory(path);
    m_walk.emplace(open_directory(path));
    source = [this](std::string& next) { return m_walk->next(next); };
  } else {
    const SplitPath split = split_path(path);
    root = open_directory(std::string(split.directory) + '/');
    source = [name = std::string(split.name)](std::string& next) mutable {
      next = std::exchange(name, {});
      return !next.empty();
    };
  }
  if (!root)
    fail(ErrorMessage::Kind::failed, "cannot open '" + path + "': " + strerrordesc_np(errno));
  else
    m_reader.emplace(std::move(root), std::move(source), TreeReader::Odd::skip);
}

void Get::receive(const Frame& frame) {
  if (frame.type == FrameType::credit)
    m_credit += std::min(decode_credit(frame.payload).value_or(0), k_output_window - m_credit);
  else if (frame.type == FrameType::kill)
    finish(FrameType::done, {});
}

bool Get::pump() {
  if (finished() || !m_reader || m_credit == 0 || !m_session.outbox.has_room())
    return false;
  const std::size_t size = std::min<std::size_t>(m_credit, k_max_payload);
  char* const payload = m_session.payload.data();
  const std::size_t count = m_reader->read(payload, size);
  if (count > 0) {
    send(FrameType::tree, {payload, count});
    m_credit -= static_cast<std::uint32_t>(count);
    return true;
  }
  if (m_reader->error().empty())
    finish(FrameType::done, {});
  else
    fail(ErrorMessage::Kind::failed, m_reader->error());
  return false;
}

}  // namespace nestbox::agent
