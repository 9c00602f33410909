"""Processes that are ours: known by pid and start time, or by a mark in their environment.

A pid alone may be someone else's by now, and a name may be another checkout's: neither is ever
enough to send a signal. Zombies count as gone, since a container's first process may never reap.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from private_servers.errors import ServiceError

#: The environment variable that marks every process we start with its site's token.
MARK = "BELLRINGER_SERVICES_TOKEN"

_POLL_S = 0.05


@dataclass(frozen=True)
class Process:
    """One process, for ever: a pid comes back, a pid with its start time does not."""

    pid: int
    #: Clock ticks between the machine's boot and the process's start.
    started: int


def identify(pid: int) -> Process | None:
    """Return the living process with this pid, None if there is none (zombies are none)."""
    fields = _stat(pid)
    if fields is None or fields[0] in "ZX":
        return None
    return Process(pid, int(fields[19]))


def is_alive(process: Process) -> bool:
    """Tell whether this very process still runs."""
    return identify(process.pid) == process


def send(process: Process, signal_number: int) -> None:
    """Signal this very process; does nothing when it is gone.

    The handle is opened before the start time is compared, so the pid cannot change hands between.
    """
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        if is_alive(process):
            signal.pidfd_send_signal(handle, signal_number)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def wait_gone(processes: Iterable[Process], timeout_s: float) -> list[Process]:
    """Wait until all have ended; returns those that still run after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    left = [process for process in processes if is_alive(process)]
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        left = [process for process in left if is_alive(process)]
    return left


def end(processes: Iterable[Process], *, grace_s: float) -> None:
    """End all: SIGTERM, `grace_s` seconds, SIGKILL.

    Raises:
        ServiceError: one survives SIGKILL for ten seconds.
    """
    left = list(processes)
    for process in left:
        send(process, signal.SIGTERM)
    left = wait_gone(left, grace_s)
    for process in left:
        send(process, signal.SIGKILL)
    if left := wait_gone(left, 10):
        raise ServiceError(f"processes {[p.pid for p in left]} do not end, not even by SIGKILL")


def descendants(process: Process) -> list[Process]:
    """Return the living children of a process, theirs too; unsorted."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        if (fields := _stat(pid)) is not None:
            children.setdefault(int(fields[1]), []).append(pid)
    found: list[Process] = []
    queue = list(children.get(process.pid, ())) if is_alive(process) else []
    while queue:
        pid = queue.pop()
        queue += children.get(pid, ())
        if (child := identify(pid)) is not None:
            found.append(child)
    return found


def marked(token: str) -> list[Process]:
    """Return the living processes that carry a site's token, whoever their parent is by now."""
    needle = f"{MARK}={token}".encode()
    found = []
    for pid in _pids():
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if needle in variables and (process := identify(pid)) is not None:
            found.append(process)
    return found


def end_marked(token: str) -> None:
    """End every process that carries a site's token, and those that it starts meanwhile.

    Whatever finishes by itself may: a killed `initdb` would leave shared memory. A node that is
    just booting may fork once more between our look and its end, hence the second look.

    Raises:
        ServiceError: there is no end of them.
    """
    for _ in range(20):
        found = marked(token)
        if not found:
            return
        end(wait_gone(found, 5), grace_s=5)
    raise ServiceError(f"processes {[p.pid for p in found]} come back whenever they are ended")


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    user: int | None = None,
    stdin: str = "",
    timeout_s: float = 120,
) -> str:
    """Run a program to its end and return what it printed.

    Args:
        command: the program and its arguments.
        env: the whole environment; None: this process's.
        user: the uid to become, with that user's group; None: stay.
        stdin: what the program reads.
        timeout_s: seconds until it is killed.

    Raises:
        ServiceError: it failed or took too long; carries the end of its output.
    """
    try:
        done = subprocess.run(  # noqa: S603 - commands are built here, never from input
            list(command),
            input=stdin,
            env=env,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
            start_new_session=True,
            user=user,
            group=_group(user),
            extra_groups=None if user is None else [],
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise ServiceError(f"{' '.join(command[:4])} ended with {done.returncode}:\n{tail}")
    return done.stdout


def spawn(
    command: Sequence[str], *, env: Mapping[str, str], log: Path, user: int | None = None
) -> Process:
    """Start a program that outlives this one, in a session of its own; output goes to `log`.

    Args:
        command: the program and its arguments.
        env: its whole environment.
        log: a file to append to; opened by us, so the user need not be able to.
        user: the uid to become, with that user's group; None: stay.

    Raises:
        ServiceError: it ended at once.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - commands are built here, never from input
            list(command),
            env=dict(env),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=_group(user),
            extra_groups=None if user is None else [],
        )
    process = identify(child.pid)
    if process is None:
        raise ServiceError(f"{command[0]} ended at once:\n{log_tail(log)}")
    return process


def log_tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, empty when there is none."""
    if not log.is_file():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the state on (the name may hold anything)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _group(user: int | None) -> int | None:
    return None if user is None else pwd.getpwuid(user).pw_gid
