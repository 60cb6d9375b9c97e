"""Drives the machines of a nestbox world from a test written in Python.

It is there, on PYTHONPATH, in every test that has a topology, on the host and in each machine; it
needs Python 3.9 and nothing else:

    import nestbox

    world = nestbox.world()
    print(world["a"].run("ip", "address", check=True, capture=True).stdout)
    server = world["b"].popen("python3", "-m", "http.server", "8080")
    world["b"].wait_for_port(8080, timeout=20)
    world.net.partition(["a"], ["b"])
    assert world["a"].run("curl", "-m", "2", "http://b:8080/").returncode != 0
    world.net.heal()

Each call is one `nestbox VERB …` (`nestbox exec --help` says more), so what holds for the command
line holds here: commands start in the test's copy of the source tree, with its variables.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from typing import IO, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

__all__ = ["CompletedProcess", "Error", "Machine", "Network", "TimeExpired", "World", "world"]

CompletedProcess = subprocess.CompletedProcess

_MEANINGLESS = 2
_TIME_OVER = 124
_UNDONE = 125

_Names = Union[str, Sequence[str]]
_Time = Union[int, float, str]


class Error(Exception):
    """A verb could not be done; its text is what nestbox said."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


class TimeExpired(Error, TimeoutError):
    """What was waited for did not come about in time."""


def _names(names: _Names) -> str:
    return names if isinstance(names, str) else ",".join(names)


def _duration(time: _Time) -> str:
    """Seconds, or a text as nestbox.yml has it: "90s", "250ms"."""
    return time if isinstance(time, str) else f"{round(time * 1000)}ms"


def _limit(timeout: Optional[_Time]) -> List[str]:
    return [] if timeout is None else ["--timeout", _duration(timeout)]


def _verb(*words: str) -> str:
    """Does a verb that is no command of the test's; returns what it printed."""
    done = subprocess.run(
        ["nestbox", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, check=False,
    )
    if done.returncode != 0:
        kind = TimeExpired if done.returncode == _TIME_OVER else Error
        raise kind(_without_name(done.stderr), done.returncode)
    return done.stdout


def _without_name(text: str) -> str:
    text = text.strip()
    return text[len("nestbox: "):] if text.startswith("nestbox: ") else text


class _Commands:
    """Commands on one machine, or on several at once."""

    def __init__(self, names: _Names):
        self._names = names

    def _argv(
        self, argv: Sequence[str], timeout: Optional[_Time], cwd: Optional[str],
        env: Optional[Mapping[str, str]],
    ) -> List[str]:
        if not argv:
            raise ValueError("name a program first, then its arguments")
        words = ["nestbox", "exec", _names(self._names), *_limit(timeout)]
        if cwd is not None:
            words += ["--cwd", cwd]
        for name, value in (env or {}).items():
            words += ["--env", f"{name}={value}"]
        return [*words, "--", *(os.fspath(word) for word in argv)]

    def run(
        self, *argv: str, check: bool = False, capture: bool = False,
        timeout: Optional[_Time] = None, cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None, input: Optional[str] = None,
    ) -> "CompletedProcess[str]":
        """Runs a command to its end, as subprocess.run does.

        Its output goes where the test's goes, unless `capture` asks for it as stdout and stderr of
        the result. Of several machines the result has the first exit code, in their order, that is
        not 0, and each line of output begins with "name | ". Raises subprocess.CalledProcessError
        for `check` and a failure, subprocess.TimeoutExpired when it took longer than `timeout`
        (seconds; its processes are killed), and Error when it could not be started at all.
        """
        words = self._argv(argv, timeout, cwd, env)
        stream = subprocess.PIPE if capture else None
        source: Dict[str, Any] = {"stdin": subprocess.DEVNULL} if input is None else {
            "input": input}
        done = subprocess.run(
            words, stdout=stream, stderr=stream, text=True, errors="replace", check=False, **source)
        if done.returncode == _UNDONE:
            raise Error(_without_name(done.stderr or f"cannot run {argv[0]!r}"), _UNDONE)
        if done.returncode == _TIME_OVER and timeout is not None:
            seconds = timeout if isinstance(timeout, (int, float)) else float("nan")
            raise subprocess.TimeoutExpired(list(argv), seconds, done.stdout, done.stderr)
        if check and done.returncode != 0:
            raise subprocess.CalledProcessError(
                done.returncode, list(argv), done.stdout, done.stderr)
        return CompletedProcess(list(argv), done.returncode, done.stdout, done.stderr)

    def popen(
        self, *argv: str, cwd: Optional[str] = None, env: Optional[Mapping[str, str]] = None,
        stdin: Union[None, int, IO[Any]] = subprocess.DEVNULL,
        stdout: Union[None, int, IO[Any]] = None, stderr: Union[None, int, IO[Any]] = None,
        text: bool = True,
    ) -> "subprocess.Popen[Any]":
        """Starts a command and returns at once, as subprocess.Popen does.

        Ending the returned process ends the command with all that it started.
        """
        return subprocess.Popen(
            self._argv(argv, None, cwd, env), stdin=stdin, stdout=stdout, stderr=stderr, text=text)

    def output(self, *argv: str, timeout: Optional[_Time] = None) -> str:
        """What a command prints, without the last newline; raises when it fails."""
        return self.run(*argv, check=True, capture=True, timeout=timeout).stdout.rstrip("\n")

    def wait_for_port(self, port: int, timeout: Optional[_Time] = None) -> None:
        """Until something listens on this TCP port; 60 seconds unless told otherwise."""
        self._wait_for(["port", str(port)], timeout)

    def wait_for_unit(self, unit: str, timeout: Optional[_Time] = None) -> None:
        """Until this unit of systemd is active."""
        self._wait_for(["unit", unit], timeout)

    def wait_for_file(self, path: str, timeout: Optional[_Time] = None) -> None:
        """Until this file exists."""
        self._wait_for(["file", path], timeout)

    def wait_for_output(self, text: str, *argv: str, timeout: Optional[_Time] = None) -> None:
        """Until a line that the command prints holds `text`; it is run again until then."""
        self._wait_for(["output", text], timeout, argv)

    def _wait_for(
        self, condition: Sequence[str], timeout: Optional[_Time], argv: Sequence[str] = ()
    ) -> None:
        command = ["--", *argv] if argv else []
        _verb("wait-for", _names(self._names), *condition, *_limit(timeout), *command)


class Machine(_Commands):
    """One machine of the world."""

    def __init__(self, name: str, facts: Mapping[str, Any]):
        super().__init__(name)
        self.name = name
        #: By network: {"lan": ["10.90.0.1"]}.
        self.addresses: Dict[str, List[str]] = dict(facts["addresses"])
        self.environment: str = facts["environment"]
        self.hostname: str = facts["hostname"]

    def address(self, network: Optional[str] = None) -> str:
        """Its first address on a network; on its first network when none is named."""
        network = next(iter(self.addresses)) if network is None else network
        return self.addresses[network][0]

    def __repr__(self) -> str:
        return f"<nestbox.Machine {self.name!r}>"


class Network:
    """What can be done to the networks of the world while the test runs.

    A link is named "machine@network", or "machine" for all links of it.
    """

    def partition(self, *groups: _Names, network: Optional[str] = None) -> None:
        """From here on frames pass only within a group; machines in none form one more."""
        words: List[str] = []
        for group in groups:
            words += (["|"] if words else []) + [_names(group)]
        _verb("net", "partition", *words, *self._on(network))

    def heal(self, network: Optional[str] = None) -> None:
        """Ends the partition; impairments stay."""
        _verb("net", "heal", *self._on(network))

    def set(self, link: str, **impairment: Union[str, int]) -> None:
        """Impairs a link with these, and no longer with others.

        set("c@lan", latency="20ms", jitter="2ms", loss="10%", duplicate="1%", reorder="5%",
        rate="10mbit", mtu=1400)
        """
        _verb("net", "set", link, *(f"{name}={value}" for name, value in impairment.items()))

    def reset(self, link: str) -> None:
        """Takes all impairment from a link; it is up."""
        _verb("net", "reset", link)

    def up(self, link: str) -> None:
        _verb("net", "up", link)

    def down(self, link: str) -> None:
        """Lets no frame pass; the rest of its impairment stays."""
        _verb("net", "down", link)

    @contextlib.contextmanager
    def capture(self, link: str, file: Union[str, "os.PathLike[str]"]) -> Iterator[None]:
        """Writes every frame of a link into a pcapng file: with world.net.capture(…): …"""
        _verb("net", "capture", link, os.fspath(file))
        try:
            yield
        finally:
            _verb("net", "capture-stop", link)

    def counters(self) -> Dict[str, Any]:
        """What `nestbox net counters --json` says."""
        return dict(json.loads(_verb("net", "counters", "--json")))

    def show(self) -> Dict[str, Any]:
        """What `nestbox net show --json` says."""
        return dict(json.loads(_verb("net", "show", "--json")))

    @staticmethod
    def _on(network: Optional[str]) -> List[str]:
        return [] if network is None else ["--network", network]


class World(Mapping[str, Machine]):
    """The machines of this test by their names, in the topology's order."""

    def __init__(self, environment: Mapping[str, str]):
        try:
            machines = json.loads(environment["NESTBOX_MACHINES"])
        except KeyError:
            raise Error(
                "there is no world here: NESTBOX_MACHINES is not set\n"
                "hint: this runs in tests of 'nestbox run' that have a topology", _UNDONE,
            ) from None
        self._machines = {name: Machine(name, facts) for name, facts in machines.items()}
        self.net = Network()
        #: Where this program runs: a machine's name, or "host".
        self.here: str = environment["NESTBOX_MACHINE"]
        #: Decides what impaired networks leave to chance.
        self.seed = int(environment["NESTBOX_SEED"])

    def __getitem__(self, name: str) -> Machine:
        try:
            return self._machines[name]
        except KeyError:
            known = ", ".join(self._machines)
            raise KeyError(f"no machine {name!r}; there are {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._machines)

    def __len__(self) -> int:
        return len(self._machines)

    def on(self, *names: str) -> _Commands:
        """Several machines at once: world.on("a", "b").run("uname"); without names, all."""
        chosen = names or tuple(self._machines)
        for name in chosen:
            self[name]  # an unknown one is a KeyError here
        return _Commands(chosen)

    def copy(self, source: Union[str, "os.PathLike[str]"],
             destination: Union[str, "os.PathLike[str]"]) -> None:
        """A file or a folder; "machine:/path" is in a machine, else it is here."""
        _verb("copy", os.fspath(source), os.fspath(destination))

    def barrier(self, name: str, of: Sequence[str] = (), timeout: Optional[_Time] = None) -> None:
        """Until each machine (each of `of`) has come to it; 60 seconds unless told otherwise."""
        _verb("barrier", name, *(["--of", _names(of)] if of else []), *_limit(timeout))

    def conditions(self) -> Dict[str, Any]:
        """What `nestbox machines --json` says."""
        return dict(json.loads(_verb("machines", "--json")))


def world() -> World:
    """The world of this test. Raises Error outside of one."""
    return World(os.environ)
