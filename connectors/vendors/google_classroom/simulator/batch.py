"""Several requests in one: `POST /batch` with a part of `multipart/mixed` for each.

Source: the Classroom API's page on batches (50 calls at most; each part is a whole request with
headers of its own; a reply's Content-ID is the request's with `response-` before it), and the
discovery documents' `batchPath`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from http import HTTPStatus
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message as Received
from starlette.types import Scope

from connectors.vendors.google_classroom.simulator.answers import GoogleError

#: Requests of one batch at most.
MOST = 50
_BOUNDARY = "batch_simulated"


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch: its id with the brackets, verb, path with query, headers and body."""

    content_id: str
    verb: str
    address: str
    headers: Mapping[str, str]
    body: bytes

    def request(self, outer: Scope) -> Request:
        """Return it as it would come alone; what it does not say itself the batch says for it."""
        path, _, query = self.address.partition("?")
        own = {name.lower(): value for name, value in self.headers.items()}
        said = {name.decode(): value.decode() for name, value in outer["headers"]}
        if "authorization" in said:
            own.setdefault("authorization", said["authorization"])
        scope = {
            **{name: outer[name] for name in ("type", "http_version", "scheme", "server")},
            "method": self.verb,
            "root_path": outer.get("root_path", ""),
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in own.items()],
        }

        async def receive() -> Received:
            return {"type": "http.request", "body": self.body, "more_body": False}

        return Request(scope, receive)


def parts_of(content_type: str, body: bytes) -> Sequence[Part]:
    """Return the requests of a batch.

    Raises:
        GoogleError: it is none, or has too many.
    """
    whole = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    if not whole.is_multipart():
        raise GoogleError(400, "Failed to parse batch request, error: no parts.")
    found = [_part(one) for one in whole.get_payload() if isinstance(one, Message)]
    if len(found) > MOST:
        raise GoogleError(400, f"The batch has more than {MOST} calls.")
    return found


def reply(answers: Sequence[tuple[Part, Response]]) -> Response:
    """Return the answers as one, in the order of their requests."""
    told = bytearray()
    for part, answer in answers:
        phrase = HTTPStatus(answer.status_code).phrase
        content_id = f"<response-{part.content_id.strip().removeprefix('<')}"
        head = [
            f"--{_BOUNDARY}",
            "Content-Type: application/http",
            f"Content-ID: {content_id}",
            "",
            f"HTTP/1.1 {answer.status_code} {phrase}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
            "",
            "",
        ]
        told += "\r\n".join(head).encode() + bytes(answer.body) + b"\r\n"
    told += f"--{_BOUNDARY}--\r\n".encode()
    return Response(bytes(told), media_type=f"multipart/mixed; boundary={_BOUNDARY}")


def _part(one: Message) -> Part:
    sent = one.get_payload(decode=True)
    line, _, rest = (sent if isinstance(sent, bytes) else b"").lstrip().partition(b"\n")
    words = line.decode("latin-1").split()
    if one.get_content_type() != "application/http" or len(words) not in {2, 3}:
        raise GoogleError(400, "Failed to parse batch request, error: a part is no request.")
    inner = message_from_bytes(rest)
    body = inner.get_payload(decode=True)
    return Part(
        content_id=str(one.get("Content-ID", "")),
        verb=words[0],
        address=words[1],
        headers={name: str(value) for name, value in inner.items()},
        body=body.strip() if isinstance(body, bytes) else b"",
    )
