"""Runs `bellringer` commands as processes of their own, without starting Python for each anew.

One process imports everything once and forks for every command: as separate as a new process, and
ten times as quick. Run as a module it is that process: it reads requests as JSON, a line each, and
answers with exit codes.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
#: Seconds that a command may take.
TIMEOUT_S = 110


class Zygote:
    """The process that forks; one for all tests."""

    def __init__(self) -> None:
        reads, writes = os.pipe()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BELLRINGER_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.zygote", str(writes)],
            cwd=ROOT,
            env={**environment, "COLUMNS": "200"},
            stdin=subprocess.PIPE,
            text=True,
            pass_fds=(writes,),
        )
        os.close(writes)
        self._answers = os.fdopen(reads)
        self._lock = threading.Lock()

    def run(
        self, words: Sequence[str], folder: Path, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder, under an environment."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            request = {
                "words": list(words),
                "folder": str(folder),
                "environment": environment,
                "files": [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (out, err)],
            }
            with self._lock:
                assert self._process.stdin is not None
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
                code = int(self._answers.readline())
            return subprocess.CompletedProcess(list(words), code, _text(out), _text(err))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@lru_cache(maxsize=1)
def zygote() -> Zygote:
    """Return the process, started when it is first asked for."""
    made = Zygote()
    atexit.register(made.close)
    return made


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _import_everything() -> None:
    for package in ("console", "workers", "scheduler", "connectors", "shared"):
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not found.name.endswith(".__main__") and "migrations" not in found.name:
                import_module(found.name)


def _serve(answers: int) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os.close(answers)
            _be(request)
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _be(request: dict[str, Any]) -> None:
    """Be the command; never returns."""
    from console.cli.main import run

    signal.alarm(TIMEOUT_S)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in zip((1, 2), request["files"], strict=True):
        os.dup2(os.open(name, os.O_WRONLY | os.O_APPEND), number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    code = run(request["words"])
    sys.stdout.flush()
    sys.stderr.flush()
    # taking down all that was imported would cost more than most commands do
    os._exit(code)


if __name__ == "__main__":
    _import_everything()
    # a collection in a child would touch, and so copy, every page
    gc.freeze()
    _serve(int(sys.argv[1]))
