"""The words of `deploy/services`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from private_servers import chromium, lifecycle
from private_servers.errors import ServiceError, UnavailableError

_CHECKOUT = Path(__file__).resolve().parents[2]
#: sysexits.h: a server cannot be had on this machine, which is nobody's mistake.
EX_UNAVAILABLE = 69


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one word.

    Returns:
        0; 1 when something failed (status: when not everything runs); 69 when a server cannot be
        had on this machine; 130 when interrupted.
    """
    given = _parser().parse_args(arguments)
    folder = given.dir.absolute()
    try:
        return _run(given, folder)
    except UnavailableError as error:
        sys.stderr.write(f"services: {error}\n")
        return EX_UNAVAILABLE
    except ServiceError as error:
        sys.stderr.write(f"services: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("services: interrupted\n")
        return 130


def _run(given: argparse.Namespace, folder: Path) -> int:
    match given.word:
        case "up":
            lifecycle.up(folder)
        case "down":
            lifecycle.down(folder, keep=given.keep)
        case "env":
            for name, value in lifecycle.environment(folder).items():
                sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
        case "status":
            return _show(lifecycle.status(folder), as_json=given.json)
        case "start":
            lifecycle.start(folder, given.name)
        case "stop":
            lifecycle.stop(folder, given.name)
        case "kill":
            lifecycle.kill(folder, given.name)
        case "browser":
            sys.stdout.write(f"{chromium.ensure()}\n")
    return 0


def _show(rows: list[lifecycle.Row], *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows]) + "\n")
    else:
        for row in rows:
            ports = " ".join(f"{purpose}={port}" for purpose, port in row.ports.items())
            sys.stdout.write(f"{row.name:<12} {row.state:<8} {row.pid or '-':<8} {ports}\n")
    return 0 if all(row.state == "running" for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy/services",
        description="Private, real servers for tests and the demo: RabbitMQ, PostgreSQL and"
        " OpenSSH (for SFTP) on free loopback ports, in a folder of their own. On request, by"
        " `start samba`, an Active Directory on a loopback address of its own.",
    )
    words = parser.add_subparsers(dest="word", required=True, metavar="WORD")
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument(
        "--dir",
        type=Path,
        default=_CHECKOUT / ".services",
        help="the servers' folder (default: .services in the checkout)",
    )

    def word(name: str, text: str) -> argparse.ArgumentParser:
        return words.add_parser(name, help=text, description=text, parents=[place])

    word("up", "start what does not run and wait until it answers")
    keep = word("down", "stop everything and remove it")
    keep.add_argument("--keep", action="store_true", help="keep data and ports for the next up")
    word("env", "print the variables that lead to the servers, for eval")
    show = word("status", "show each server's state, pid and ports")
    show.add_argument("--json", action="store_true", help="print JSON")
    word("browser", "print the path of Chromium; installs it where it is missing and may be")
    names = [kind.name for kind in lifecycle.KNOWN]
    for name, text in (
        ("start", "start one server again, on its data and ports; the first time, make samba"),
        ("stop", "stop one server in good order"),
        ("kill", "end one server by SIGKILL"),
    ):
        word(name, text).add_argument("name", choices=names, metavar="NAME", help=", ".join(names))
    return parser
