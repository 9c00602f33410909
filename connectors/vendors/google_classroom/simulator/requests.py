"""A request as the simulated services see it, and the table of their paths."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from connectors.vendors.google_classroom.simulator.answers import GoogleError, Item


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: what its path names, its query, its body as it came, and what its token is for."""

    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    sent: bytes = b""
    scopes: Collection[str] = ()

    def one(self, name: str) -> str:
        """Return a parameter of the query, "": it is not given."""
        return (self.query.get(name) or [""])[-1]

    def many(self, name: str) -> Sequence[str]:
        """Return a parameter that may be repeated."""
        return self.query.get(name) or []

    def body(self) -> Item:
        """Return the body, which must be an object."""
        try:
            found: Any = json.loads(self.sent)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise GoogleError(400, "Invalid JSON payload received.")
        return found


Answer = Callable[[Asked], Item]


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a service.

    Attributes:
        verb: of HTTP.
        path: below the base, with `{names}`; `{+name}` takes the rest.
        scopes: of which one is needed.
        answer: gives the answer's body.
    """

    verb: str
    path: str
    scopes: tuple[str, ...]
    answer: Answer


def named(pattern: str, segments: Sequence[str]) -> dict[str, str] | None:
    """Return what a path names by a pattern, None: it is another path.

    Segments are split before they are decoded: an id may hold a slash.

    >>> named("v1/courses/{id}", ["v1", "courses", "d%3Amath%20101"])
    {'id': 'd:math 101'}
    """
    wanted, found = pattern.split("/"), {}
    for place, word in enumerate(wanted):
        if word.startswith("{+"):
            found[word[2:-1]] = unquote("/".join(segments[place:]))
            return found if len(segments) > place else None
        if place >= len(segments):
            return None
        name, _, verb = word.partition("}")
        if not word.startswith("{"):
            if segments[place] != word:
                return None
        elif not segments[place].endswith(verb):
            return None
        else:
            found[name[1:]] = unquote(
                segments[place].removesuffix(verb) if verb else segments[place]
            )
    return found if len(segments) == len(wanted) else None


def query_of(raw: str) -> Mapping[str, Sequence[str]]:
    """Return a query's parameters."""
    return parse_qs(raw, keep_blank_values=True)
