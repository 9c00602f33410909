"""A real HTTP server on this machine that answers what a test has written down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

Part = bytes | Callable[[], None]


@dataclass
class Script:
    """What the server answers, in turn; the last answer stands for all that follow."""

    answers: list[tuple[int, dict[str, str], list[Part]]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, status: int, body: bytes | list[Part] = b"", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, named, body if isinstance(body, list) else [body]))


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            script.requests.append(f"{self.command} {self.path}")
            length = int(self.headers.get("content-length", 0))
            self.rfile.read(length)
            status, headers, parts = script.answers[0]
            if len(script.answers) > 1:
                script.answers.pop(0)
            self.send_response(status)
            size = sum(len(part) for part in parts if isinstance(part, bytes))
            for name, value in {"Content-Length": str(size), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for part in parts:
                if isinstance(part, bytes):
                    self.wfile.write(part)
                else:
                    part()
            self.close_connection = True

        do_GET = do_POST = _answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield script
    server.shutdown()
    thread.join()
    server.server_close()
