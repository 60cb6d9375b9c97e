#include "harness/env/work_tree.hpp"

#include <fmt/format.h>
#include <git2.h>

#include <algorithm>
#include <memory>

#include "harness/base/error.hpp"
#include "harness/env/file_list.hpp"

namespace nestbox {
namespace {

using Repository =
    std::unique_ptr<git_repository, decltype([](git_repository* r) { git_repository_free(r); })>;
using Index = std::unique_ptr<git_index, decltype([](git_index* i) { git_index_free(i); })>;
using StatusList =
    std::unique_ptr<git_status_list, decltype([](git_status_list* l) { git_status_list_free(l); })>;

[[noreturn]] void throw_git_error(const std::string& activity, const fs::path& path) {
  const git_error* error = git_error_last();
  throw Error(ErrorCode::io, fmt::format("cannot {} '{}': {}", activity, path.string(),
                                         error ? error->message : "unknown error"));
}

void start_libgit2() {
  static const bool started = [] {
    git_libgit2_init();
    // The check guards against commands in a stranger's configuration. libgit2 runs none, and `sudo
    // nestbox` in one's own repository must work.
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    return true;
  }();
  static_cast<void>(started);
}

/// Nothing when `directory` is in no repository (`search`), or is none itself.
Repository open_repository(const fs::path& directory, bool search) {
  start_libgit2();
  git_repository* repository = nullptr;
  const int code =
      git_repository_open_ext(&repository, directory.c_str(),
                              search ? 0 : unsigned{GIT_REPOSITORY_OPEN_NO_SEARCH}, nullptr);
  if (code == GIT_ENOTFOUND)
    return nullptr;
  if (code != 0)
    throw_git_error("open the git repository of", directory);
  return Repository(repository);
}

/// Adds what the repository tracks or would; true when that differs from its HEAD.
bool list_repository(git_repository* repository, const std::string& prefix,
                     std::vector<std::string>& files) {
  git_status_options options;
  git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
  options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
  options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS
                  | GIT_STATUS_OPT_INCLUDE_UNMODIFIED;
  const fs::path root = git_repository_workdir(repository);
  git_status_list* raw = nullptr;
  if (git_status_list_new(&raw, repository, &options) != 0)
    throw_git_error("read the git work tree", root);
  const StatusList list(raw);

  bool dirty = false;
  for (std::size_t i = 0; i < git_status_list_entrycount(raw); ++i) {
    const git_status_entry* entry = git_status_byindex(raw, i);
    dirty = dirty || entry->status != GIT_STATUS_CURRENT;
    const git_diff_delta* delta =
        entry->index_to_workdir ? entry->index_to_workdir : entry->head_to_index;
    const git_diff_file& file = delta->new_file.path ? delta->new_file : delta->old_file;
    const std::string name = file.path;
    const bool submodule =
        delta->old_file.mode == GIT_FILEMODE_COMMIT || delta->new_file.mode == GIT_FILEMODE_COMMIT;
    if (submodule || name.ends_with('/')) {
      const fs::path below = root / name;
      if (!fs::is_directory(
              fs::symlink_status(below.string().ends_with('/') ? below.parent_path() : below)))
        continue;
      const std::string inner_prefix = prefix + name + (name.ends_with('/') ? "" : "/");
      if (const Repository inner = open_repository(below, false);
          inner && git_repository_workdir(inner.get()))
        dirty = list_repository(inner.get(), inner_prefix, files) || dirty;
      else
        list_files(below, inner_prefix, files);
    } else if (!(entry->status & GIT_STATUS_WT_DELETED) && entry->index_to_workdir) {
      add_file(prefix + name, files);
    }
  }
  return dirty;
}

std::string head_commit(git_repository* repository) {
  git_oid id;
  if (git_reference_name_to_id(&id, repository, "HEAD") != 0)
    return {};  // no commit yet
  return git_oid_tostr_s(&id);
}

}  // namespace

WorkTree read_work_tree(const fs::path& directory, bool all_files) {
  if (!fs::is_directory(directory))
    throw Error(ErrorCode::not_found, fmt::format("'{}' is not a directory", directory.string()));
  WorkTree tree;
  const Repository repository = open_repository(directory, true);
  if (!repository) {
    tree.root = fs::canonical(directory);
    list_files(tree.root, "", tree.files);
  } else {
    const char* top = git_repository_workdir(repository.get());
    if (!top)
      throw Error(
          ErrorCode::usage,
          fmt::format("'{}' is a bare git repository: it holds no files", directory.string()),
          "run nestbox in a clone or a worktree of it");
    tree.root = fs::canonical(top);
    const bool dirty = list_repository(repository.get(), "", tree.files);
    tree.revision = head_commit(repository.get());
    if (dirty && !tree.revision.empty())
      tree.revision += "-dirty";
    if (all_files) {
      tree.files.clear();
      list_files(tree.root, "", tree.files);
    }
  }
  std::ranges::sort(tree.files);
  return tree;
}

struct IgnoreRules::State {
  Repository repository;
  Index index;
  fs::path top;
};

IgnoreRules::IgnoreRules(const fs::path& directory) : m_state(std::make_unique<State>()) {
  m_state->repository = open_repository(directory, true);
  git_repository* repository = m_state->repository.get();
  if (!repository || !git_repository_workdir(repository))
    return;
  m_state->top = fs::canonical(git_repository_workdir(repository));
  git_index* index = nullptr;
  if (git_repository_index(&index, repository) != 0)
    throw_git_error("read the git index of", m_state->top);
  m_state->index.reset(index);
}

IgnoreRules::~IgnoreRules() = default;

bool IgnoreRules::ignores(const fs::path& path, bool is_directory) const {
  const std::string& top = m_state->top.native();
  const std::string& absolute = path.native();
  if (!m_state->index || absolute.size() <= top.size() + 1 || !absolute.starts_with(top))
    return false;
  std::string name = absolute.substr(top.size() + 1);
  if (is_directory)
    name += '/';
  const bool tracked = is_directory
                           ? git_index_find_prefix(nullptr, m_state->index.get(), name.c_str()) == 0
                           : git_index_get_bypath(m_state->index.get(), name.c_str(), 0) != nullptr;
  int ignored = 0;
  return !tracked
         && git_ignore_path_is_ignored(&ignored, m_state->repository.get(), name.c_str()) == 0
         && ignored != 0;
}

}  // namespace nestbox
