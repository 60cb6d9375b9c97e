#include "harness/guest/powershell_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "harness/base/base64.hpp"
#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/lease_terms.hpp"

namespace nestbox {
namespace {

/// Progress would come as records on stderr. The console may be absent, and then has no encoding.
constexpr const char* k_bootstrap = R"($ErrorActionPreference='Stop'
$ProgressPreference='SilentlyContinue'
try{{[Console]::OutputEncoding=New-Object Text.UTF8Encoding $false}}catch{{}}
$stream=[Console]::OpenStandardInput()
$script=New-Object byte[] {0}
for($have=0;$have -lt {0};$have+=$count){{
$count=$stream.Read($script,$have,{0}-$have)
if($count -eq 0){{[Console]::Error.WriteLine('the script did not arrive on stdin');exit {1}}}}}
[Console]::Out.WriteLine('nestbox '+$PID)
. ([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString($script)))
)";

/// A process is known by its id and the instant of its start: ids are soon used again.
constexpr const char* k_lease = R"($directory=[IO.Path]::Combine($HOME,{0})
[void][IO.Directory]::CreateDirectory($directory)
$file=[IO.Path]::Combine($directory,'lease')
try{{$lease=[IO.File]::Open($file,'OpenOrCreate','ReadWrite','Read')}}catch{{
$reader=New-Object IO.StreamReader([IO.File]::Open($file,'Open','Read','ReadWrite'))
[Console]::Error.WriteLine($reader.ReadToEnd())
exit {2}}}
$holder=[Text.Encoding]::UTF8.GetBytes({1})
$lease.SetLength(0)
$lease.Write($holder,0,$holder.Length)
$lease.Flush()
$commands=[IO.Path]::Combine($directory,'commands')
$workspace=[IO.Path]::Combine($directory,'workspace')
function Clear-Lease{{
if([IO.Directory]::Exists($commands)){{foreach($mark in [IO.Directory]::GetFiles($commands)){{
$id,$start=[IO.Path]::GetFileName($mark).Split('-')
$process=Get-Process -Id $id -ErrorAction SilentlyContinue
if($process -and $process.StartTime.ToFileTimeUtc() -eq $start){{taskkill.exe /T /F /PID $id|Out-Null}}
[IO.File]::Delete($mark)}}}}
if([IO.Directory]::Exists($workspace)){{Remove-Item -LiteralPath $workspace -Recurse -Force}}}}
Clear-Lease
[void][IO.Directory]::CreateDirectory($commands)
[void][IO.Directory]::CreateDirectory($workspace)
[Console]::Out.WriteLine($workspace)
[void][Console]::In.ReadToEnd()
Clear-Lease
)";

/// PowerShell 5.1 cannot pass a quote in an argument, so the arguments go by .NET, as one text.
/// The program has our own stdin, stdout and stderr, byte for byte.
constexpr const char* k_start =
    R"(if(-not $program){{[Console]::Error.WriteLine({0}+'there is no such program');exit 127}}
$start=New-Object Diagnostics.ProcessStartInfo
$start.FileName=$program
$start.Arguments={1}
$start.WorkingDirectory=(Get-Location).ProviderPath
$start.UseShellExecute=$false
try{{$process=[Diagnostics.Process]::Start($start)}}catch{{[Console]::Error.WriteLine({0}+$_.Exception.Message);exit 126}}
$process.WaitForExit()
$code=$process.ExitCode
if($code -lt 0 -or $code -gt 255){{[Console]::Error.WriteLine('nestbox: it ended with code 0x{{0:X8}}' -f $code);$code=255}}
}}finally{{[IO.File]::Delete($mark)}}
exit $code
)";

constexpr const char* k_tar = "[Environment]::SystemDirectory+'\\tar.exe'";

/// As UTF-16LE; the text is ASCII.
std::string encoded(std::string_view ascii) {
  std::string wide;
  for (const char c : ascii)
    wide.append({c, '\0'});
  return base64(wide);
}

bool ends_with_any(std::string name, std::initializer_list<std::string_view> suffixes) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::any_of(suffixes, [&](std::string_view end) { return name.ends_with(end); });
}

std::vector<std::string> rest_of(const std::vector<std::string>& argv) {
  return {argv.begin() + 1, argv.end()};
}

/// The lines in front of a program's start: whoever ends the lease finds the process, and
/// everything up to `finally` is known to be its.
std::string beginning(const WindowsLease& lease) {
  return fmt::format("$mark={}+$PID+'-'"
                     "+[Diagnostics.Process]::GetCurrentProcess().StartTime.ToFileTimeUtc()\n"
                     "[IO.File]::WriteAllText($mark,'')\n"
                     "try{{\n",
                     powershell_quote(lease.commands + '\\'));
}

std::string enter(const std::string& directory) {
  return fmt::format(
      "try{{Set-Location -LiteralPath {}}}catch{{[Console]::Error.WriteLine({});exit 126}}\n",
      powershell_quote(windows_path(directory)),
      powershell_quote("nestbox: cannot enter '" + directory + "'"));
}

std::string start(const std::string& name, const std::string& arguments) {
  return fmt::format(k_start, powershell_quote("nestbox: cannot run '" + name + "': "),
                     powershell_quote(arguments));
}

std::string tar(const std::vector<std::string>& arguments) {
  return fmt::format("$program={}\n", k_tar) + start("tar.exe", windows_command_line(arguments));
}

/// "C:\a" and "b" of "C:\a\b".
std::pair<std::string, std::string> split_windows_path(const std::string& path) {
  const std::size_t slash = path.find_last_of('\\');
  if (slash == path.npos || slash + 1 == path.size())
    throw Error(ErrorCode::usage, "'" + printable(path) + "' is no path below a directory");
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

}  // namespace

std::string powershell_quote(std::string_view text) {
  // Besides ' the quotation marks U+2018 to U+201B count as such.
  constexpr std::string_view k_typographic = "\xe2\x80";
  std::string quoted = "'";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    std::size_t size = 1;
    if (rest.starts_with(k_typographic) && rest.size() > 2 && rest[2] >= '\x98'
        && rest[2] <= '\x9b')
      size = 3;
    if (size == 3 || rest[0] == '\'')
      quoted += rest.substr(0, size);
    quoted += rest.substr(0, size);
    i += size - 1;
  }
  return quoted + "'";
}

std::string windows_command_line(const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  for (const std::string& argument : arguments) {
    if (!argument.empty() && argument.find_first_of(" \t\n\v\"") == argument.npos) {
      words.push_back(argument);
      continue;
    }
    std::string word = "\"";
    std::size_t backslashes = 0;
    for (const char c : argument) {
      // Only in front of a quote a backslash is more than itself.
      if (c == '"')
        word.append(backslashes + 1, '\\');
      backslashes = c == '\\' ? backslashes + 1 : 0;
      word += c;
    }
    words.push_back(word.append(backslashes, '\\') + '"');
  }
  return join(words, " ");
}

std::string windows_path(std::string path) {
  std::ranges::replace(path, '/', '\\');
  return path;
}

std::string powershell_command_line(WindowsShell shell, std::size_t size) {
  // Without -OutputFormat, stderr would be XML. An outer PowerShell makes 1 of any other code.
  return "powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -OutputFormat Text "
         "-EncodedCommand "
         + encoded(fmt::format(k_bootstrap, size, k_no_script_exit_code))
         + (shell == WindowsShell::powershell ? "; exit $LASTEXITCODE" : "");
}

std::string end_tree_command_line(unsigned process) {
  return fmt::format("taskkill /T /F /PID {}", process);
}

std::string lease_script(const std::string& directory, const std::string& holder) {
  return fmt::format(k_lease, powershell_quote(windows_path(directory)), powershell_quote(holder),
                     k_leased_exit_code);
}

std::string run_script(const WindowsLease& lease, const Command& command) {
  if (command.argv.empty())
    throw Error(ErrorCode::usage, "a command needs at least its program's name");
  std::string script = beginning(lease);
  script += enter(command.working_directory.empty() ? lease.workspace : command.working_directory);
  for (const auto& [name, value] : command.environment)
    script += fmt::format("[Environment]::SetEnvironmentVariable({},{})\n", powershell_quote(name),
                          powershell_quote(value));
  const std::string& name = command.argv.front();
  std::string program = windows_path(name);
  std::vector<std::string> argv = rest_of(command.argv);
  std::string arguments;
  if (ends_with_any(program, {".ps1"})) {
    argv.insert(argv.begin(),
                {"-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File", program});
    arguments = windows_command_line(argv);
    program = "powershell";
  } else if (ends_with_any(program, {".cmd", ".bat"})) {
    // With /s, what is between the first and the last quote is taken as it is.
    argv.insert(argv.begin(), program);
    arguments = "/d /s /c \"" + windows_command_line(argv) + '"';
    program = "cmd";
  } else {
    arguments = windows_command_line(argv);
  }
  script += fmt::format("$program=Get-Command -CommandType Application -ErrorAction "
                        "SilentlyContinue -Name "
                        "([Management.Automation.WildcardPattern]::Escape({}))|"
                        "Select-Object -First 1 -ExpandProperty Path\n",
                        powershell_quote(program));
  return script + start(name, arguments);
}

std::string unpack_script(const WindowsLease& lease, const std::string& directory) {
  const std::string path = windows_path(directory);
  return beginning(lease)
         + fmt::format("[void][IO.Directory]::CreateDirectory({})\n", powershell_quote(path))
         + enter(path) + tar({"-x", "-m", "-f", "-", "--options", "hdrcharset=UTF-8"});
}

std::string pack_script(const WindowsLease& lease, const std::string& path) {
  const auto [parent, name] = split_windows_path(windows_path(path));
  return beginning(lease)
         + fmt::format("if(-not(Test-Path -LiteralPath {})){{exit 0}}\n",
                       powershell_quote(parent + name))
         + enter(parent) + tar({"-c", "-f", "-", "--format", "pax", "./" + name});
}

std::string windows_name(const std::string& path) {
  return split_windows_path(windows_path(path)).second;
}

}  // namespace nestbox
