#include "harness/blob/noted_put.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "harness/base/log.hpp"
#include "harness/base/note.hpp"
#include "harness/base/text.hpp"

// A note's text: the blob's digest, a line feed, what names the store.

namespace nestbox {
namespace {

constexpr auto k_abandon_limit = std::chrono::minutes(1);

std::string new_name() {
  std::random_device random;
  return fmt::format("put-{:08x}{:08x}", random(), random());
}

UnfinishedPut read(const AbandonedNote& note) {
  const std::size_t line = std::min(note.text.find('\n'), note.text.size());
  return {.blob = note.text.substr(0, line),
          .store = note.text.substr(std::min(line + 1, note.text.size())),
          .owner = note.owner};
}

/// A folder that is gone has nothing half-done in it, and is not to be made anew.
bool is_gone(const std::string& store) {
  return store.starts_with("/") && !fs::is_directory(store);
}

}  // namespace

NotedPut::NotedPut(BlobStore& store, const BlobId& id, const fs::path& notes)
    : m_store(store), m_id(id), m_note(notes / new_name()) {
  write_note(m_note, id.digest + "\n" + store.description());
}

NotedPut::~NotedPut() {
  const Result<void> ended = catch_error([&] {
    if (!m_done)
      m_store.abandon(m_id, Deadline::after(k_abandon_limit), {});
  });
  std::error_code ignored;
  if (ended)
    fs::remove(m_note, ignored);
  else
    log(LogLevel::warning,
        fmt::format("half a blob may be left in '{}', 'nestbox reap' finds it: {}",
                    m_store.description(), ended.error().message));
}

std::vector<UnfinishedPut> reap_puts(const fs::path& notes, bool dry_run, Deadline deadline,
                                     const CancelToken& cancel) {
  std::vector<UnfinishedPut> found;
  for (const AbandonedNote& note : abandoned_notes(notes)) {
    UnfinishedPut& put = found.emplace_back(read(note));
    if (dry_run)
      continue;
    const Result<void> ended = catch_error([&] {
      if (!is_gone(put.store))
        open_blob_store(put.store)->abandon({put.blob, {}}, deadline, cancel);
    });
    cancel.throw_if_cancelled();
    std::error_code ignored;
    if (ended)
      fs::remove(note.file, ignored);
    else
      put.failed = ended.error().message;
  }
  return found;
}

}  // namespace nestbox
