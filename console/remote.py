"""Operations on a server: the same calls, sent to its REST API."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr

from console.service.means import Means
from console.service.operation import Operation, operation_of
from console.service.problems import as_error
from shared.errors import BellringerError, ConfigurationError

_P = ParamSpec("_P")
_R = TypeVar("_R")

#: Below the server's address.
PREFIX = "/api/v1"
#: Seconds that an answer may take: an undo of a whole run takes long.
TIMEOUT_S = 300.0


class RemoteDesk:
    """Has operations done by a server, as the account whose token is sent.

    Args:
        url: the console's address.
        token: of the API.

    Raises:
        ConfigurationError: the address is none, or would send the token in the clear.
    """

    def __init__(self, url: str, token: SecretStr | None) -> None:
        base = httpx.URL(url)
        if base.scheme not in ("http", "https") or not base.host:
            raise ConfigurationError(
                "BELLRINGER_SERVER_URL", "it is no address", "Give https://HOST."
            )
        if base.scheme == "http" and base.host not in ("127.0.0.1", "localhost", "::1"):
            raise ConfigurationError(
                "BELLRINGER_SERVER_URL", "it would send the token in the clear", "Give https://…"
            )
        if token is None:
            raise ConfigurationError(
                "BELLRINGER_API_TOKEN", "it is not set", "Make one in the console, and set it."
            )
        self._client = httpx.Client(
            base_url=base,
            headers={
                "Authorization": f"Bearer {token.get_secret_value()}",
                "Accept": "application/json",
            },
            timeout=httpx.Timeout(TIMEOUT_S, connect=10),
            trust_env=False,
        )

    def call(
        self, function: Callable[Concatenate[Means, _P], _R], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> _R:
        """Do an operation there; see `console.service.desk.Desk`.

        Raises:
            BellringerError: the server does not answer, or answers what is no answer of ours.
        """
        if args:
            raise TypeError("an operation's arguments are given by name")
        wanted = operation_of(function)
        path, query, body = _request(wanted, kwargs)
        try:
            answer = self._client.request(wanted.method, path, params=query, json=body)
        except httpx.HTTPError as error:
            told = f"BELLRINGER_SERVER_URL: the server does not answer: {type(error).__name__}"
            raise BellringerError(told) from error
        try:
            told_back = answer.json()
        except json.JSONDecodeError as error:
            told = f"BELLRINGER_SERVER_URL: that is no console: it answered {answer.status_code}"
            raise BellringerError(told) from error
        if not answer.is_success:
            raise as_error(told_back)
        return cast(_R, told_back)

    def __enter__(self) -> Self:
        """Use it for a while."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self._client.close()


def _request(
    wanted: Operation, arguments: dict[str, Any]
) -> tuple[str, dict[str, Any], dict[str, Any] | None]:
    """Return the path, the query and the body by which an operation's arguments are sent."""
    filled = {name: quote(str(arguments[name]), safe="") for name in wanted.in_path}
    body = arguments.get(wanted.body) if wanted.body else None
    query = {
        name: value
        for name, value in arguments.items()
        if name not in wanted.in_path and name != wanted.body and value is not None
    }
    sent = body.model_dump(mode="json", exclude_unset=True) if isinstance(body, BaseModel) else None
    return PREFIX + wanted.path.format(**filled), query, sent
