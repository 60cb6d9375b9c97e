"""The scripts of harness/guest/powershell_script, statement by statement."""

import fcntl
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile

from language import LITERAL, Exit, Unknown, quiet_exit, unquote, windows_arguments

BOOTSTRAP = r"""$ErrorActionPreference='Stop'
$ProgressPreference='SilentlyContinue'
try{[Console]::OutputEncoding=New-Object Text.UTF8Encoding $false}catch{}
$stream=[Console]::OpenStandardInput()
$script=New-Object byte[] SIZE
for($have=0;$have -lt SIZE;$have+=$count){
$count=$stream.Read($script,$have,SIZE-$have)
if($count -eq 0){[Console]::Error.WriteLine('the script did not arrive on stdin');exit 98}}
[Console]::Out.WriteLine('nestbox '+$PID)
. ([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString($script)))
"""

LEASE = r"""$directory=[IO.Path]::Combine($HOME,LITERAL)
[void][IO.Directory]::CreateDirectory($directory)
$file=[IO.Path]::Combine($directory,'lease')
try{$lease=[IO.File]::Open($file,'OpenOrCreate','ReadWrite','Read')}catch{
$reader=New-Object IO.StreamReader([IO.File]::Open($file,'Open','Read','ReadWrite'))
[Console]::Error.WriteLine($reader.ReadToEnd())
exit 75}
$holder=[Text.Encoding]::UTF8.GetBytes(LITERAL)
$lease.SetLength(0)
$lease.Write($holder,0,$holder.Length)
$lease.Flush()
$commands=[IO.Path]::Combine($directory,'commands')
$workspace=[IO.Path]::Combine($directory,'workspace')
function Clear-Lease{
if([IO.Directory]::Exists($commands)){foreach($mark in [IO.Directory]::GetFiles($commands)){
$id,$start=[IO.Path]::GetFileName($mark).Split('-')
$process=Get-Process -Id $id -ErrorAction SilentlyContinue
if($process -and $process.StartTime.ToFileTimeUtc() -eq $start){taskkill.exe /T /F /PID $id|Out-Null}
[IO.File]::Delete($mark)}}
if([IO.Directory]::Exists($workspace)){Remove-Item -LiteralPath $workspace -Recurse -Force}}
Clear-Lease
[void][IO.Directory]::CreateDirectory($commands)
[void][IO.Directory]::CreateDirectory($workspace)
[Console]::Out.WriteLine($workspace)
[void][Console]::In.ReadToEnd()
Clear-Lease
"""

START = r"""if(-not $program){[Console]::Error.WriteLine(LITERAL+'there is no such program');exit 127}
$start=New-Object Diagnostics.ProcessStartInfo
$start.FileName=$program
$start.Arguments=LITERAL
$start.WorkingDirectory=(Get-Location).ProviderPath
$start.UseShellExecute=$false
try{$process=[Diagnostics.Process]::Start($start)}catch{[Console]::Error.WriteLine(LITERAL+$_.Exception.Message);exit 126}
$process.WaitForExit()
$code=$process.ExitCode
if($code -lt 0 -or $code -gt 255){[Console]::Error.WriteLine('nestbox: it ended with code 0x{0:X8}' -f $code);$code=255}
}finally{[IO.File]::Delete($mark)}
exit $code
"""

FIND = (
    "$program=Get-Command -CommandType Application -ErrorAction SilentlyContinue -Name "
    "([Management.Automation.WildcardPattern]::Escape(LITERAL))|Select-Object -First 1 -ExpandProperty Path\n"
)
MARK = "$mark=LITERAL+$PID+'-'+[Diagnostics.Process]::GetCurrentProcess().StartTime.ToFileTimeUtc()\n"
ENTER = "try{Set-Location -LiteralPath LITERAL}catch{[Console]::Error.WriteLine(LITERAL);exit 126}\n"


def pattern(text):
    return re.compile(re.escape(text).replace("LITERAL", LITERAL).replace("SIZE", r"(\d+)"))


def started(process):
    with open(f"/proc/{process}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[19]


def run(text, machine, end_tree):
    match = pattern(BOOTSTRAP).fullmatch(text)
    if not match or len(set(match.groups())) != 1:
        raise Unknown(f"this encoded command: {text}")
    size = int(match[1])
    script = b""
    while len(script) < size:
        piece = os.read(0, size - len(script))
        if not piece:
            sys.stderr.write("the script did not arrive on stdin\r\n")
            sys.exit(98)
        script += piece
    os.write(1, f"nestbox {os.getpid()}\r\n".encode())
    script = script.decode()
    if match := pattern(LEASE).fullmatch(script):
        lease(machine, unquote(match[1]), unquote(match[2]), end_tree)
    else:
        with quiet_exit():
            Command(machine).run(script)


def lease(machine, directory, holder, end_tree):
    root = machine.path(machine.absolute(directory, "C:\\Users\\ci"))
    os.makedirs(root, exist_ok=True)
    commands, workspace = os.path.join(root, "commands"), os.path.join(root, "workspace")
    with open(os.path.join(root, "lease"), "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            sys.stderr.write(file.read() + "\r\n")
            sys.exit(75)
        file.truncate(0)
        file.write(holder)
        file.flush()

        def clear():
            for mark in os.listdir(commands) if os.path.isdir(commands) else []:
                process, start = mark.split("-")
                if os.path.exists(f"/proc/{process}") and started(process) == start:
                    end_tree(int(process))
                os.remove(os.path.join(commands, mark))
            shutil.rmtree(workspace, ignore_errors=True)

        clear()
        os.makedirs(commands, exist_ok=True)
        os.makedirs(workspace)
        os.write(1, (machine.absolute(directory, "C:\\Users\\ci") + "\\workspace\r\n").encode())
        while os.read(0, 4096):
            pass
        clear()


class Command:
    """One program, or tar, as run_script, unpack_script and pack_script start them."""

    def __init__(self, machine):
        self.machine = machine
        self.mark = self.program = None
        self.statements = [
            (MARK, self.set_mark),
            ("[IO.File]::WriteAllText($mark,'')\n", lambda: open(self.mark, "w").close()),
            ("try{\n", lambda: None),
            ("[void][IO.Directory]::CreateDirectory(LITERAL)\n", self.make_directory),
            (ENTER, self.enter),
            ("[Environment]::SetEnvironmentVariable(LITERAL,LITERAL)\n", self.set_variable),
            ("if(-not(Test-Path -LiteralPath LITERAL)){exit 0}\n", self.exit_unless_there),
            ("$program=[Environment]::SystemDirectory+'\\tar.exe'\n", lambda: self.find("tar.exe")),
            (FIND, self.find),
            (START, self.start),
            ("exit 0", self.end),
        ]
        self.statements = [(pattern(text), action) for text, action in self.statements]

    def run(self, script):
        at = 0
        try:
            while at < len(script):
                for statement, action in self.statements:
                    if match := statement.match(script, at):
                        at = match.end()
                        action(*[unquote(group) for group in match.groups()])
                        break
                else:
                    raise Unknown(f"the statement at '{script[at:at + 200]}'")
        finally:
            if self.mark and os.path.exists(self.mark):
                os.remove(self.mark)

    def set_mark(self, prefix):
        self.mark = f"{self.machine.path(prefix)}{os.getpid()}-{started(os.getpid())}"

    def make_directory(self, path):
        os.makedirs(self.machine.path(path), exist_ok=True)

    def enter(self, path, message):
        try:
            self.machine.enter(path)
        except OSError:
            sys.stderr.write(message + "\r\n")
            raise Exit(126)

    def set_variable(self, name, value):
        if not value:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

    def exit_unless_there(self, path):
        if not os.path.exists(self.machine.path(path)):
            raise Exit(0)

    def find(self, name):
        self.program = self.machine.find(name)

    def end(self):
        raise Exit(0)

    def start(self, message, arguments, message_again):
        if not self.program:
            sys.stderr.write(f"{message}there is no such program\r\n")
            raise Exit(127)
        if self.program == "tar.exe":
            raise Exit(tar(windows_arguments(arguments)))
        try:
            raise Exit(subprocess.call(self.machine.argv(self.program, arguments)))
        except OSError as error:
            sys.stderr.write(f"{message_again}{error.strerror}\r\n")
            raise Exit(126)


class Counted(io.RawIOBase):
    """Stdin or stdout, which cannot be sought."""

    def readable(self):
        return True

    def readinto(self, buffer):
        return os.readv(0, [buffer])


def refuse_outside(name):
    """As bsdtar does without -P."""
    path = os.path.realpath(os.path.dirname(name))
    if os.path.isabs(name) or ".." in name.split("/") or os.path.commonpath([path, os.getcwd()]) != os.getcwd():
        raise tarfile.TarError(f"{name}: it is outside of the directory")


def tar(arguments):
    """bsdtar's, as far as it is asked for: https://man.freebsd.org/bsdtar."""
    if arguments == ["-x", "-m", "-f", "-", "--options", "hdrcharset=UTF-8"]:
        try:
            with tarfile.open(fileobj=io.BufferedReader(Counted()), mode="r|", encoding="utf-8") as archive:
                archive.extraction_filter = lambda entry, _: entry  # which Debian 12's Python has not
                for entry in archive:
                    refuse_outside(entry.name)
                    if os.path.islink(entry.name) and not entry.issym():
                        os.remove(entry.name)
                    archive.extract(entry, set_attrs=False)
        except tarfile.TarError as error:
            sys.stderr.write(f"tar.exe: {error}\r\n")
            return 1
        return 0
    if arguments[:5] == ["-c", "-f", "-", "--format", "pax"] and len(arguments) == 6 and arguments[5].startswith("./"):
        with open(1, "wb", closefd=False) as out, tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            archive.add(arguments[5])
        return 0
    raise Unknown(f"tar.exe {arguments}")
