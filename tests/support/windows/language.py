"""What a Windows machine is besides nestbox's own scripts: paths, programs, and of the languages of
PowerShell and cmd.exe the little that the tests' scripts are written in."""

import contextlib
import os
import re
import shutil
import sys

# A quotation mark of any of these ends a literal, but two of them are one (PowerShell's tokenizer).
QUOTES = "'\u2018\u2019\u201a\u201b"
LITERAL = rf"('(?:[^{QUOTES}]|[{QUOTES}]{{2}})*')"
WORD = rf"({LITERAL[1:-1]}|\"[^\"`]*\"|\$env:\w+)"


class Unknown(Exception):
    pass


class Exit(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


@contextlib.contextmanager
def quiet_exit():
    try:
        yield
    except Exit as end:
        sys.stdout.flush()
        sys.exit(end.code)


def unquote(literal):
    return re.sub(rf"[{QUOTES}]([{QUOTES}])", r"\1", literal[1:-1])


def windows_arguments(text):
    """CommandLineToArgvW's rules, for what comes after the program's name."""
    words, word, quoted, at = [], None, False, 0
    while at < len(text):
        backslashes = len(text[at:]) - len(text[at:].lstrip("\\"))
        at += backslashes
        if at < len(text) and text[at] == '"':
            word = (word or "") + "\\" * (backslashes // 2)
            if backslashes % 2:
                word += '"'
            else:
                quoted = not quoted
        else:
            if backslashes:
                word = (word or "") + "\\" * backslashes
            if at == len(text):
                break
            if text[at] in " \t" and not quoted:
                words += [word] if word is not None else []
                word = None
            else:
                word = (word or "") + text[at]
        at += 1
    return words + ([word] if word is not None else [])


class Machine:
    def __init__(self, drive):
        self.drive = drive

    @staticmethod
    def absolute(path, base):
        return path if re.match(r"[A-Za-z]:\\", path) else f"{base}\\{path}"

    def path(self, path):
        """Where it is on this host."""
        path = path.replace("/", "\\")
        if not re.match(r"[Cc]:\\", path):
            return path.replace("\\", "/")
        return os.path.join(self.drive, path[3:].replace("\\", "/"))

    def enter(self, path):
        os.chdir(self.path(path))

    def find(self, name):
        """As Get-Command -CommandType Application: PATH, or the path itself."""
        if name.lower().removesuffix(".exe") in ("powershell", "cmd"):
            return name.lower().removesuffix(".exe")
        if name == "tar.exe":
            return name
        if "\\" in name:
            return self.path(name) if os.path.isfile(self.path(name)) else None
        return shutil.which(name)

    def argv(self, program, arguments):
        if program in ("powershell", "cmd"):
            return [sys.executable, __file__, self.drive, program, arguments]
        return [program, *windows_arguments(arguments)]


class PowerShell:
    """Statements, one a line."""

    def __init__(self, machine):
        self.machine = machine
        self.statements = {
            rf"Write-Output {WORD}": lambda text: print(text, end="\r\n", flush=True),
            rf"\[Console\]::Error\.WriteLine\({WORD}\)": lambda text: sys.stderr.write(text + "\r\n"),
            rf"Set-Content -LiteralPath {WORD} -Value {WORD}": self.write,
            rf"Get-Content -LiteralPath {WORD}": self.read,
            r"\$ErrorActionPreference='Stop'": lambda: None,
            r"exit (\d+)": lambda code: self.end(code),
            r"#.*|": lambda: None,
        }

    def run(self, text):
        for line in text.splitlines():
            for statement, action in self.statements.items():
                if match := re.fullmatch(statement, line.strip()):
                    action(*[self.value(group) for group in match.groups()])
                    break
            else:
                raise Unknown(f"PowerShell's '{line}'")

    @staticmethod
    def value(word):
        if word.startswith("$env:"):
            return os.environ.get(word[5:], "")
        if word.startswith('"'):
            return re.sub(r"\$env:(\w+)", lambda match: os.environ.get(match[1], ""), word[1:-1])
        return unquote(word) if word.startswith("'") else word

    def write(self, path, text):
        with open(self.machine.path(path), "w") as file:
            file.write(text + "\r\n")

    def read(self, path):
        with open(self.machine.path(path)) as file:
            print(file.read().rstrip("\n"), end="\r\n")

    @staticmethod
    def end(code):
        raise Exit(int(code))


def powershell(machine, arguments):
    usual = ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass"]
    if arguments[:4] != usual or len(arguments) != 6:
        raise Unknown(f"powershell {arguments}")
    if arguments[4] == "-Command":
        text = arguments[5]
    elif arguments[4] == "-File":
        with open(machine.path(arguments[5]), encoding="utf-8-sig") as file:
            text = file.read()
    else:
        raise Unknown(f"powershell {arguments[4]}")
    PowerShell(machine).run(text)


def cmd(machine, arguments):
    """With /s what is between the first and the last quote is the command as it stands."""
    match = re.fullmatch(r'/d /s /c "(.*)"', arguments)
    if not match or len(words := windows_arguments(match[1])) != 1:
        raise Unknown(f"cmd {arguments}")
    with open(machine.path(words[0])) as file:
        for line in file.read().splitlines():
            line = re.sub(r"%(\w+)%", lambda name: os.environ.get(name[1], ""), line)
            if line.startswith("@echo off") or not line:
                continue
            if match := re.fullmatch(r"echo (.*)", line):
                print(match[1], end="\r\n", flush=True)
            elif match := re.fullmatch(r"exit /b (\d+)", line):
                raise Exit(int(match[1]))
            else:
                raise Unknown(f"cmd.exe's '{line}'")


if __name__ == "__main__":
    place, program, given = sys.argv[1:]
    try:
        with quiet_exit():
            if program == "cmd":
                cmd(Machine(place), given)
            else:
                powershell(Machine(place), windows_arguments(given))
    except Unknown as unknown:
        sys.stderr.write(f"the stand-in for Windows does not know: {unknown}\n")
        sys.exit(1)
