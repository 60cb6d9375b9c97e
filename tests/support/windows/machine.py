"""A stand-in for a Windows machine behind an ssh server of ours: the command lines that sshd is given.

There is no Windows and no PowerShell where the tests run. This takes what nestbox says to one apart
by the documented rules, and refuses whatever it does not know: cmd.exe's or PowerShell's reading of
a command line, powershell.exe's parameters, the statements of nestbox's scripts (scripts.py), and of
the tests' own scripts a few (language.py). Programs other than powershell, cmd, taskkill and tar are
those of this host. Drive C: is a directory.

usage: machine.py cmd|powershell DRIVE COMMAND-LINE
"""

import base64
import os
import re
import signal
import sys

import language
import scripts

CMD_LIMIT = 8191
POWERSHELL = re.compile(
    r"powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -OutputFormat Text -EncodedCommand ([A-Za-z0-9+/=]+)"
    r"(; exit \$LASTEXITCODE)?"
)


def refuse(what):
    sys.stderr.write(f"the stand-in for Windows does not know: {what}\n")
    sys.exit(1)


def children():
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as stat:
                parent = int(stat.read().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        found.setdefault(parent, []).append(int(entry))
    return found


def end_tree(process):
    """As taskkill /T /F does: what lives and descends from it by parents that live."""
    found = children()
    tree = [process]
    for one in tree:
        tree += found.get(one, [])
    for one in tree:
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            pass


def main():
    shell, drive, line = sys.argv[1:]
    machine = language.Machine(drive)
    if line == "echo $?":
        print({"cmd": "$?", "powershell": "True"}[shell], end="\r\n")
    elif match := re.fullmatch(r"taskkill /T /F /PID (\d+)", line):
        end_tree(int(match[1]))
    elif match := POWERSHELL.fullmatch(line):
        # Another code than 0 and 1 passes an outer PowerShell only so, and is a mistake for cmd.exe.
        if bool(match[2]) != (shell == "powershell"):
            refuse(f"'{line[-30:]}' for {shell}")
        if shell == "cmd" and len(line) > CMD_LIMIT:
            refuse("a command line of more than 8,191 characters")
        scripts.run(base64.b64decode(match[1], validate=True).decode("utf-16-le"), machine, end_tree)
    else:
        refuse(line)


if __name__ == "__main__":
    try:
        main()
    except language.Unknown as unknown:
        refuse(unknown)
