#include <fmt/format.h>

#include <fcntl.h>

#include "harness/base/text.hpp"
#include "harness/env/copied_files.hpp"
#include "harness/env/file_list.hpp"
#include "harness/env/run_together.hpp"
#include "harness/env/verb_context.hpp"
#include "harness/guest/host_transport.hpp"
#include "harness/guest/tree_reader.hpp"

namespace nestbox {
namespace {

constexpr Bytes k_most_copied = gibibytes(4);

/// What stands at $1, symbolic links followed: its kind, and on the next line where it really is.
constexpr const char* k_look = R"(
path=$(readlink -f "$1") || path=$1
if [ -d "$path" ]; then echo folder
elif [ -f "$path" ]; then echo file
elif [ -e "$path" ]; then echo other
else echo nothing
fi
printf '%s' "$path"
)";

/// A file or a folder, in a machine or on the host.
struct Place {
  std::string kind;
  std::string path;
};

Place look(const VerbContext& context, const std::string& machine, const std::string& path,
           const CancelToken& cancel) {
  const std::string answer = ask(context, machine, k_look, {path}, cancel);
  const std::size_t newline = answer.find('\n');
  return {answer.substr(0, newline),
          newline == std::string::npos ? "" : answer.substr(newline + 1)};
}

/// The folder and the new name (empty: its own) for what is copied to `path`: a folder's files go
/// below it; a file becomes it, or goes into it when it is a folder or ends with a slash.
struct Target {
  std::string folder;
  std::string name;
};

Target target(const std::string& path, bool is_file, bool is_folder_there) {
  if (!is_file || is_folder_there || path.ends_with('/'))
    return {path, {}};
  const fs::path whole = path;
  return {whole.parent_path(), whole.filename()};
}

std::vector<std::string> every_file(const fs::path& folder) {
  FileDescriptor root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root)
    throw system_error(fmt::format("cannot open '{}'", folder.string()), errno);
  TreeWalk walk(std::move(root));
  std::vector<std::string> files;
  for (std::string path; walk.next(path);)
    add_file(path, files);
  return files;
}

Error nothing_there(const std::string& whose, const std::string& path, std::string_view what) {
  return Error(ErrorCode::not_found, fmt::format("{} has {} '{}'", whose, what, printable(path)));
}

/// A copy on its way: what it holds lies below `folder`, a single file as `file`.
struct Parcel {
  TemporaryDirectory folder{};
  std::string file{};
};

/// Fetches what is copied, as `below` in the parcel.
Parcel fetch(const VerbContext& context, const std::string& machine, const std::string& path,
             const Place& place, const std::string& below) {
  const std::string whose = fmt::format("machine '{}'", machine);
  if (place.kind == "nothing")
    throw nothing_there(whose, path, "no");
  if (place.kind == "other")
    throw nothing_there(whose, path, "neither a file nor a folder at");
  Parcel parcel;
  const fs::path destination = parcel.folder.path() / below;
  fs::create_directories(destination);
  context.world.machine(machine).transport().get(place.path, destination, k_most_copied,
                                                 context.deadline, context.cancel);
  if (place.kind == "file")
    parcel.file = fs::path(place.path).filename();
  return parcel;
}

void rename_file(Parcel& parcel, const std::string& below, const std::string& name) {
  if (parcel.file.empty() || name.empty() || name == parcel.file)
    return;
  const fs::path folder = parcel.folder.path() / below;
  fs::rename(folder / parcel.file, folder / name);
}

/// Into machines, at once. `files` are below `root`; `file` is the one, if it is one.
void deliver(const VerbContext& context, const CopyEnd& to, const fs::path& root,
             const std::vector<std::string>& files, const std::string& file) {
  std::vector<CancellableTask> tasks;
  for (const std::string& machine : to.machines)
    tasks.push_back([&](const CancelToken& cancel) {
      Transport& transport = context.world.machine(machine).transport();
      const bool is_folder_there =
          !file.empty() && look(context, machine, to.path, cancel).kind == "folder";
      const Target where = target(to.path, !file.empty(), is_folder_there);
      if (where.name.empty() || where.name == file)
        return transport.put(root, files, where.folder, context.deadline, cancel);
      const TemporaryDirectory renamed;
      fs::copy_file(root / file, renamed.path() / where.name);
      transport.put(renamed.path(), {where.name}, where.folder, context.deadline, cancel);
    });
  run_together(tasks, context.cancel);
}

void copy_from_host(const VerbContext& context, const std::string& path, const CopyEnd& to) {
  fs::path source;
  if (context.caller.confined) {
    source = source_beside(path, context.caller.directory);
  } else {
    std::error_code error;
    source = fs::canonical(context.caller.directory / path, error);
    if (error)
      throw nothing_there("the host", path, "no");
  }
  if (!fs::is_directory(source))
    return deliver(context, to, source.parent_path(), {source.filename()}, source.filename());
  deliver(context, to, source, context.caller.confined ? list_files(source) : every_file(source),
          {});
}

void copy_to_host(const VerbContext& context, const CopyEnd& from, const std::string& path) {
  const std::string& machine = from.machines.front();
  const Place place = look(context, machine, from.path, context.cancel);
  // Below its root nothing that is written follows a symbolic link, wherever that came from. A
  // caller who may write anywhere says by the path itself where its root is.
  fs::path root = context.caller.output_directory;
  fs::path whole = path;
  if (context.caller.confined) {
    if (!path_beneath(root, path))
      throw Error(ErrorCode::usage,
                  fmt::format("cannot copy to '{}': it is outside of '{}'", path, root.string()));
  } else {
    whole = context.caller.directory / path;
  }
  const Target where = target(whole.string(), place.kind == "file", fs::is_directory(root / whole));
  std::string below;
  if (context.caller.confined)
    below = where.folder;
  else
    root = where.folder;
  Parcel parcel = fetch(context, machine, from.path, place, below);
  rename_file(parcel, below, where.name);
  make_host_transport(false)->put(parcel.folder.path(), every_file(parcel.folder.path()),
                                  root.string(), context.deadline, context.cancel);
}

void copy_between(const VerbContext& context, const CopyEnd& from, const CopyEnd& to) {
  const std::string& machine = from.machines.front();
  const Place place = look(context, machine, from.path, context.cancel);
  const Parcel parcel = fetch(context, machine, from.path, place, {});
  deliver(context, to, parcel.folder.path(), every_file(parcel.folder.path()), parcel.file);
}

/// A path of a caller that is itself a machine is one of that machine's.
CopyEnd resolved(const VerbCaller& caller, CopyEnd end) {
  if (!end.machines.empty() || caller.machine.empty())
    return end;
  const bool is_folder = end.path.ends_with('/');
  end.machines = {caller.machine};
  end.path = (caller.directory / end.path).lexically_normal().string();
  if (is_folder && !end.path.ends_with('/'))
    end.path += '/';
  return end;
}

}  // namespace

int execute_copy(const VerbContext& context, const CopyVerb& verb) {
  const CopyEnd from = resolved(context.caller, verb.from);
  const CopyEnd to = resolved(context.caller, verb.to);
  if (from.machines.empty())
    copy_from_host(context, from.path, to);
  else if (to.machines.empty())
    copy_to_host(context, from, to.path);
  else
    copy_between(context, from, to);
  return 0;
}

}  // namespace nestbox
