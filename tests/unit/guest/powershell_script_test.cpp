#include "harness/guest/powershell_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/base64.hpp"
#include "harness/base/error.hpp"
#include "harness/guest/lease_terms.hpp"

namespace nestbox {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const WindowsLease k_lease = {R"(C:\nestbox\workspace)", R"(C:\nestbox\commands)"};

TEST(PowershellQuote, DoublesWhateverEndsALiteral) {
  EXPECT_EQ(powershell_quote(""), "''");
  EXPECT_EQ(powershell_quote("a $b `c \"d\"\n"), "'a $b `c \"d\"\n'");
  EXPECT_EQ(powershell_quote("it's"), "'it''s'");
  EXPECT_EQ(powershell_quote("‘a’ ‚b‛"), "'‘‘a’’ ‚‚b‛‛'");
  EXPECT_EQ(powershell_quote("“a” – €"), "'“a” – €'");
  EXPECT_EQ(powershell_quote("\xe2\x80"), "'\xe2\x80'");
}

// The examples of "Parsing C++ command-line arguments" in Microsoft's C++ documentation, backwards.
TEST(WindowsCommandLine, IsTakenApartAgain) {
  EXPECT_EQ(windows_command_line({}), "");
  EXPECT_EQ(windows_command_line({"abc", "d", "e"}), "abc d e");
  EXPECT_EQ(windows_command_line({R"(a\\b)", "de fg", "h"}), R"(a\\b "de fg" h)");
  EXPECT_EQ(windows_command_line({R"(a\"b)", "c", "d"}), R"("a\\\"b" c d)");
  EXPECT_EQ(windows_command_line({R"(a\\b c)", "d", "e"}), R"("a\\b c" d e)");
  EXPECT_EQ(windows_command_line({R"(ab" c d)"}), R"("ab\" c d")");
  EXPECT_EQ(windows_command_line({"", R"(a b\)"}), R"("" "a b\\")");
}

std::string decoded(const std::string& line) {
  constexpr std::string_view k_option = "-EncodedCommand ";
  const std::size_t begin = line.find(k_option) + k_option.size();
  const std::string wide = from_base64(line.substr(begin, line.find(';', begin) - begin));
  std::string text;
  for (std::size_t i = 0; i < wide.size(); i += 2) {
    EXPECT_EQ(wide.at(i + 1), '\0');
    text += wide[i];
  }
  return text;
}

TEST(PowershellCommandLine, IsShortAndReadsTheScriptFromStdin) {
  const std::string line = powershell_command_line(WindowsShell::cmd, 1'000'000);
  EXPECT_THAT(line, StartsWith("powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass "
                               "-OutputFormat Text -EncodedCommand "));
  EXPECT_LT(line.size(), 2500U);
  const std::string script = decoded(line);
  EXPECT_THAT(script, StartsWith("$ErrorActionPreference='Stop'\n"
                                 "$ProgressPreference='SilentlyContinue'\n"));
  EXPECT_THAT(script, HasSubstr("$have -lt 1000000;"));
  EXPECT_THAT(script, HasSubstr("exit 98"));
  EXPECT_THAT(script, Not(HasSubstr("{{")));
}

TEST(PowershellCommandLine, PassesTheExitCodeThroughAnOuterPowershell) {
  const std::string plain = powershell_command_line(WindowsShell::cmd, 7);
  EXPECT_EQ(powershell_command_line(WindowsShell::powershell, 7), plain + "; exit $LASTEXITCODE");
}

TEST(RunScript, QuotesWhateverItIsGiven) {
  const std::string script =
      run_script(k_lease, {.argv = {"tool", "it's", "two words", "a\"b"},
                           .environment = {{"NAME", "'; exit 1 #"}},
                           .working_directory = "C:\\nestbox\\workspace/src/it's"});
  EXPECT_EQ(
      script,
      R"($mark='C:\nestbox\commands\'+$PID+'-'+[Diagnostics.Process]::GetCurrentProcess().StartTime.ToFileTimeUtc()
[IO.File]::WriteAllText($mark,'')
try{
try{Set-Location -LiteralPath 'C:\nestbox\workspace\src\it''s'}catch{[Console]::Error.WriteLine('nestbox: cannot enter ''C:\nestbox\workspace/src/it''s''');exit 126}
[Environment]::SetEnvironmentVariable('NAME','''; exit 1 #')
$program=Get-Command -CommandType Application -ErrorAction SilentlyContinue -Name ([Management.Automation.WildcardPattern]::Escape('tool'))|Select-Object -First 1 -ExpandProperty Path
if(-not $program){[Console]::Error.WriteLine('nestbox: cannot run ''tool'': '+'there is no such program');exit 127}
$start=New-Object Diagnostics.ProcessStartInfo
$start.FileName=$program
$start.Arguments='it''s "two words" "a\"b"'
$start.WorkingDirectory=(Get-Location).ProviderPath
$start.UseShellExecute=$false
try{$process=[Diagnostics.Process]::Start($start)}catch{[Console]::Error.WriteLine('nestbox: cannot run ''tool'': '+$_.Exception.Message);exit 126}
$process.WaitForExit()
$code=$process.ExitCode
if($code -lt 0 -or $code -gt 255){[Console]::Error.WriteLine('nestbox: it ended with code 0x{0:X8}' -f $code);$code=255}
}finally{[IO.File]::Delete($mark)}
exit $code
)");
}

TEST(RunScript, BeginsInTheWorkspace) {
  EXPECT_THAT(run_script(k_lease, {.argv = {"x"}}),
              HasSubstr(R"(Set-Location -LiteralPath 'C:\nestbox\workspace')"));
}

TEST(RunScript, GivesScriptsToTheirInterpreters) {
  const std::string powershell = run_script(k_lease, {.argv = {"./a b/test.ps1", "1"}});
  EXPECT_THAT(powershell, HasSubstr("Escape('powershell')"));
  EXPECT_THAT(powershell, HasSubstr("$start.Arguments='-NoProfile -NonInteractive -ExecutionPolicy "
                                    "Bypass -File \".\\a b\\test.ps1\" 1'"));
  EXPECT_THAT(powershell, HasSubstr("cannot run ''./a b/test.ps1''"));
  const std::string cmd = run_script(k_lease, {.argv = {"./a b/Test.CMD", "1"}});
  EXPECT_THAT(cmd, HasSubstr("Escape('cmd')"));
  EXPECT_THAT(cmd, HasSubstr("$start.Arguments='/d /s /c \"\".\\a b\\Test.CMD\" 1\"'"));
  EXPECT_THROW(run_script(k_lease, {}), Error);
}

TEST(TreeScripts, SayWhereTheTreeIs) {
  const std::string unpack = unpack_script(k_lease, "C:\\nestbox\\workspace/src");
  EXPECT_THAT(unpack, HasSubstr("CreateDirectory('C:\\nestbox\\workspace\\src')\n"));
  EXPECT_THAT(unpack, HasSubstr("$start.Arguments='-x -m -f - --options hdrcharset=UTF-8'"));
  const std::string pack = pack_script(k_lease, "C:\\nestbox\\workspace/it's out");
  EXPECT_THAT(pack, HasSubstr("Test-Path -LiteralPath 'C:\\nestbox\\workspace\\it''s out'"));
  EXPECT_THAT(pack, HasSubstr("$start.Arguments='-c -f - --format pax \"./it''s out\"'"));
  EXPECT_EQ(windows_name("C:\\nestbox\\workspace/it's out"), "it's out");
  EXPECT_THROW(pack_script(k_lease, "C:\\"), Error);
}

TEST(LeaseScript, NamesDirectoryAndHolder) {
  const std::string script = lease_script("C:/nestbox", "it's us");
  EXPECT_THAT(script, StartsWith("$directory=[IO.Path]::Combine($HOME,'C:\\nestbox')\n"));
  EXPECT_THAT(script, HasSubstr("GetBytes('it''s us')"));
  EXPECT_THAT(script, HasSubstr("exit " + std::to_string(k_leased_exit_code) + "}"));
  EXPECT_THAT(script, EndsWith("[void][Console]::In.ReadToEnd()\nClear-Lease\n"));
}

}  // namespace
}  // namespace nestbox
