#pragma once

#include <optional>

#include "harness/guest/agent/stream.hpp"
#include "harness/guest/tree_reader.hpp"
#include "harness/guest/tree_writer.hpp"

namespace nestbox::agent {

/// A tree coming in.
class Put : public Stream {
public:
  Put(Session& session, std::uint32_t id, std::string_view destination);
  void receive(const Frame& frame) override;

private:
  std::optional<TreeWriter> m_writer;
};

/// A tree going out.
class Get : public Stream {
public:
  Get(Session& session, std::uint32_t id, std::string_view source_path);
  void receive(const Frame& frame) override;
  bool pump() override;

private:
  std::optional<TreeReader> m_reader;
  std::optional<TreeWalk> m_walk;
  std::uint32_t m_credit = k_output_window;
};

}  // namespace nestbox::agent
