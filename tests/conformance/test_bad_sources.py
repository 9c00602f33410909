"""Sources that break a promise on purpose: the kit sees each of them, in the check that is about it.

All are the guide's example with one thing wrong.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import bellringer_example.source as example
import httpx
import pytest
from bellringer_example import CONNECTOR
from bellringer_example.client import Client
from bellringer_example.config import ExampleConfig
from bellringer_example.mapping import FIELDS
from bellringer_example.source import ExampleSis
from pydantic import ConfigDict, HttpUrl, SecretStr

from connectors import registry
from connectors.conformance import districts
from connectors.conformance.benches import stand_up
from connectors.conformance.kit import examine
from connectors.conformance.rows import Result
from connectors.sdk import Connector, ReadRequest
from connectors.transport.outcomes import Outcome
from shared.domain.reading import Batch, ReadCertificate
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError

#: Seconds that a check may take here: what never ends is known by it.
LIMIT_S = 4


def failing(connector: Connector, check: str) -> str:
    """Return what the kit says of the one check that fails."""
    (row,) = examine(connector, only=[check], limit_s=LIMIT_S)
    assert row.result is Result.FAILED, row.detail
    return row.detail


def with_source(source: type[ExampleSis], **changes: Any) -> Connector:
    return replace(CONNECTOR, open=source, **changes)


# Reads that are not what they should be


class Quiet(ExampleSis):
    """It ends without its certificate."""

    def read(self, request: ReadRequest) -> Iterator[Any]:
        return (item for item in super().read(request) if not isinstance(item, ReadCertificate))


class Chatty(ExampleSis):
    """It goes on after its certificate."""

    def read(self, request: ReadRequest) -> Iterator[Any]:
        yield from super().read(request)
        yield Batch(Kind.ORGS, FIELDS[Kind.ORGS], [])


class Miscounting(ExampleSis):
    def read(self, request: ReadRequest) -> Iterator[Any]:
        for item in super().read(request):
            if isinstance(item, ReadCertificate):
                item = replace(item, counts={**item.counts, Kind.USERS: 1000})
            yield item


class Shifting(ExampleSis):
    """Its batches name different fields."""

    def read(self, request: ReadRequest) -> Iterator[Any]:
        for number, item in enumerate(super().read(request)):
            if isinstance(item, Batch) and item.kind is Kind.USERS and number > 5:
                rows = [row[:-1] for row in item.rows]
                item = replace(item, fields=item.fields[:-1], rows=rows)
            yield item


class Forgetting(ExampleSis):
    """It leaves out the first student, and counts so."""

    def read(self, request: ReadRequest) -> Iterator[Any]:
        gone = 0
        for item in super().read(request):
            if isinstance(item, Batch) and item.kind is Kind.USERS and not gone:
                rows = [row for row in item.rows if row[-1] is None]
                gone = len(item.rows) - len(rows)
                item = replace(item, rows=rows)
            if isinstance(item, ReadCertificate):
                counts = {**item.counts, Kind.USERS: item.counts[Kind.USERS] - gone}
                item = replace(item, counts=counts)
            yield item


class Twice(ExampleSis):
    """Everything comes twice, and is counted so."""

    def read(self, request: ReadRequest) -> Iterator[Any]:
        for item in super().read(request):
            if isinstance(item, Batch):
                yield item
            if isinstance(item, ReadCertificate):
                item = replace(item, counts={kind: 2 * n for kind, n in item.counts.items()})
            yield item


class Resuming(ExampleSis):
    """A second read goes on where the first was broken off."""

    seen: frozenset[str] = frozenset()

    def read(self, request: ReadRequest) -> Iterator[Any]:
        for item in super().read(request):
            if isinstance(item, Batch) and item.kind is Kind.ORGS and self.seen:
                item = replace(item, rows=[row for row in item.rows if row[0] not in self.seen])
            if isinstance(item, Batch):
                self.seen |= {str(row[0]) for row in item.rows if item.kind is Kind.ORGS}
            yield item


class Forward(ExampleSis):
    """Its cursor lies in the future, so nothing has ever changed."""

    def read(self, request: ReadRequest) -> Iterator[Any]:
        for item in super().read(request):
            if isinstance(item, ReadCertificate):
                item = replace(item, cursor=str(int(item.cursor or 0) + 100))
            yield item


class Claiming(ExampleSis):
    """An incremental read of it says that it is complete, which would remove all others."""

    def read(self, request: ReadRequest) -> Iterator[Any]:
        for item in super().read(request):
            if isinstance(item, ReadCertificate):
                item = replace(item, complete=frozenset(FIELDS))
            yield item


class Ascii(ExampleSis):
    def read(self, request: ReadRequest) -> Iterator[Any]:
        for item in super().read(request):
            if isinstance(item, Batch):
                item = replace(item, rows=[tuple(map(plain, row)) for row in item.rows])
            yield item


def plain(value: str | None) -> str | None:
    return None if value is None else value.encode("ascii", "replace").decode()


@pytest.mark.parametrize(
    ("source", "check", "told"),
    [
        (Quiet, "full_read", "ended quietly"),
        (Chatty, "full_read", "after the certificate"),
        (Miscounting, "full_read", "counts 1000 users"),
        (Shifting, "full_read", "name different fields"),
        (Forgetting, "full_read", "is missing, or has another name"),
        (Twice, "full_read", "more than once"),
        (Resuming, "resume", "counts 2 orgs, 0 came"),
        (Forward, "incremental_equals_full", "are missing, users"),
        (Claiming, "incremental_equals_full", "says of some kinds that they are complete"),
        (Ascii, "unicode_names", "is missing, or has another name"),
    ],
)
def test_a_read_that_is_not_what_it_should_be(source, check, told):
    assert told in failing(with_source(source), check)


# Wires that take trouble for data


class Wire(Client):
    """The example's client, of which a test spoils one thing."""

    def items(self, what: str, since: str | None) -> Iterator[list[Any]]:
        """Yield pages until one is empty, and count nothing."""
        for page in itertools.count(1):
            found = self._get(what, page, since)
            self.revision = self.revision or found.get("revision")
            yield found.get("data", [])
            if len(found.get("data", [])) < self._config.page_size:
                return


class Uncounted(Wire):
    """A short page ends the list; whatever comes twice is taken twice."""

    def pages(self, what: str, since: str | None = None) -> Iterator[list[Any]]:
        return self.items(what, since)


class Deduplicating(Wire):
    """A page on which a record comes again is taken for one that was read before."""

    def pages(self, what: str, since: str | None = None) -> Iterator[list[Any]]:
        for page in self.items(what, since):
            if len({item["id"] for item in page}) == len(page):
                yield page


class DropsLastPage(Wire):
    """A list that ends with a full page loses it."""

    def pages(self, what: str, since: str | None = None) -> Iterator[list[Any]]:
        pages = list(super().pages(what, since))
        is_full = len(pages) > 1 and len(pages[-1]) == self._config.page_size
        yield from pages[:-1] if is_full else pages


class OffByOne(Wire):
    """A list one longer than a page loses its last record."""

    def pages(self, what: str, since: str | None = None) -> Iterator[list[Any]]:
        pages = list(super().pages(what, since))
        yield from pages[:-1] if len(pages) > 1 and len(pages[-1]) == 1 else pages


class NeedsSome(Wire):
    """An empty list is more than it can bear."""

    def pages(self, what: str, since: str | None = None) -> Iterator[list[Any]]:
        for page in super().pages(what, since):
            assert page[0]["id"]
            yield page


class Patient(Wire):
    """It asks until a page has something."""

    def pages(self, what: str, since: str | None = None) -> Iterator[list[Any]]:
        while True:
            try:
                yield from super().pages(what, since)
                return
            except TransientConnectorError:
                continue


class Swallowing(Wire):
    """Whatever fails behind the first page was the end."""

    errors: tuple[type[Exception], ...] = (Exception,)

    def pages(self, what: str, since: str | None = None) -> Iterator[list[Any]]:
        page = 0
        try:
            for page, items in enumerate(super().pages(what, since)):  # noqa: B007
                yield items
        except self.errors:
            self.revision = self.revision or "1"
            yield []


class Soft(Wire):
    """What a person must do is told as if it would pass."""

    def _signed(self, path: str, params: dict[str, str]) -> Any:
        answer = super()._signed(path, params)
        if answer.outcome in {Outcome.DENIED, Outcome.UNAUTHORIZED}:
            raise TransientConnectorError("example_sis", f"{path}: status {answer.status}")
        return answer


class Wordless(Wire):
    """What a person must do is not told."""

    def _get(self, what: str, page: int, since: str | None) -> Any:
        try:
            return super()._get(what, page, since)
        except PermanentConnectorError as error:
            raise PermanentConnectorError("example_sis", "it failed") from error


class Hard(Wire):
    """What passes is told as if a person must act."""

    def _get(self, what: str, page: int, since: str | None) -> Any:
        try:
            return super()._get(what, page, since)
        except TransientConnectorError as error:
            raise PermanentConnectorError("example_sis", error.user_message) from error


class Hasty(Wire):
    """It loses the wait that the vendor has asked for."""

    def _get(self, what: str, page: int, since: str | None) -> Any:
        try:
            return super()._get(what, page, since)
        except TransientConnectorError as error:
            raise TransientConnectorError("example_sis", error.user_message) from error


class Renewing(Wire):
    """It signs in once for all."""

    def _signed(self, path: str, params: dict[str, str]) -> Any:
        self._token = self._token or self._sign_in()
        headers = {"Authorization": f"Bearer {self._token}"}
        return self._http.send("GET", path, params=params, headers=headers)


class Telling(Wire):
    """Its errors tell the secret."""

    def _get(self, what: str, page: int, since: str | None) -> Any:
        try:
            return super()._get(what, page, since)
        except TransientConnectorError as error:
            secret = self._config.client_secret.get_secret_value()
            raise TransientConnectorError("example_sis", f"{error} with {secret}") from error


class Bare(Wire):
    """An HTTP client of its own: it follows, it keeps what never ends, it has no deadline."""

    def _signed(self, path: str, params: dict[str, str]) -> Any:
        self._token = self._token or self._sign_in()
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx.Client(trust_env=False, base_url=str(self._config.url), timeout=20) as http:
            found = http.get(f"{self._config.url}{path}", params=params, headers=headers)
            return Read(found)


class Read:
    outcome = Outcome.OK

    def __init__(self, found: httpx.Response) -> None:
        self.status, self.headers, self.body = found.status_code, found.headers, found.content


class Trusting(Wire):
    """Whatever is no JSON of the vendor's shape is an empty list."""

    def _get(self, what: str, page: int, since: str | None) -> Any:
        try:
            return super()._get(what, page, since)
        except TransientConnectorError:
            return {"data": [], "total": 0, "revision": "1"}


@pytest.mark.parametrize(
    ("wire", "check", "told"),
    [
        (NeedsSome, "paging_0", "IndexError, no ConnectorError"),
        (NeedsSome, "empty", "IndexError, no ConnectorError"),
        (OffByOne, "paging_page_plus_1", "records are missing"),
        (DropsLastPage, "paging_page", "records are missing"),
        (Patient, "empty", "had not ended after"),
        (Uncounted, "short_page", "a certificate all the same, and"),
        (Swallowing, "partial", "a certificate of"),
        (Deduplicating, "repeated_ids", "records are missing"),
        (Wordless, "http_401", "names neither setting nor permission"),
        (Swallowing, "http_401", "a certificate of"),
        (Swallowing, "http_403", "a certificate of"),
        (Soft, "http_403", "raised TransientConnectorError, not PermanentConnectorError"),
        (Swallowing, "http_404", "a certificate of"),
        (Hard, "http_429_with_retry_after", "raised PermanentConnectorError"),
        (Hasty, "http_429_with_retry_after", "retry_after_s does not say so"),
        (Swallowing, "http_429_without_retry_after", "a certificate of"),
        (Hard, "http_5xx", "raised PermanentConnectorError, not TransientConnectorError"),
        (Trusting, "http_5xx", "a certificate of"),
        (Telling, "http_5xx", "tells the secret client_secret"),
        (Trusting, "slow_drip", "a certificate of"),
        (Bare, "slow_drip", "had not ended after"),
        (Trusting, "never_ending_body", "a certificate of"),
        (Trusting, "html_instead_of_json", "a certificate of"),
        (Trusting, "redirect_to_status_page", "a certificate of"),
        (Renewing, "token_expiry", "is not got over"),
    ],
)
def test_a_wire_that_takes_trouble_for_data(monkeypatch, wire, check, told):
    monkeypatch.setattr(example, "Client", wire)
    assert told in failing(CONNECTOR, check)


# Settings, checks and clocks


class Undescribed(ExampleConfig):
    more: str = ""


class Lenient(ExampleConfig):
    model_config = ConfigDict(extra="ignore")

    url: HttpUrl = HttpUrl("https://vendor.example")
    client_id: str = "x"
    client_secret: SecretStr = SecretStr("")


class Unchecked(ExampleSis):
    def check(self) -> None:
        """All is always well."""


class Alarmed(ExampleSis):
    def check(self) -> None:
        raise TransientConnectorError("example_sis", "not now")


@pytest.mark.parametrize(
    ("connector", "check", "told"),
    [
        (replace(CONNECTOR, config=Undescribed), "settings", "more has no description"),
        (replace(CONNECTOR, config=Lenient), "settings", "extra='forbid'"),
        (with_source(Unchecked), "check", "client_secret is wrong, and check() passes"),
        (with_source(Unchecked), "http_403", "403 for good, and check() passes"),
        (with_source(Alarmed), "check", "all is well, and check() says"),
        (
            replace(CONNECTOR, open=lambda config, network: object()),
            "full_read",
            "is no Source",
        ),
    ],
)
def test_what_a_person_is_told(connector, check, told):
    assert told in failing(connector, check)


def test_a_cursor_by_our_own_clock_misses_what_has_changed(monkeypatch):
    """A server whose clock is behind dates its changes before the read that we remember."""
    from connectors import registry
    from connectors.oneroster.rest.reading import Reading

    ours = "2999-01-01T00:00:00.000Z"
    monkeypatch.setattr(Reading, "_cursor", lambda self: ours)
    assert "missing" in failing(registry.get("oneroster_rest"), "clock_skew")


# What the kit itself does


def test_what_a_vendor_makes_impossible_is_told_in_the_connectors_own_words():
    settings, skew = examine(CONNECTOR, only={"clock_skew", "settings"})
    assert settings.result is Result.PASSED
    assert skew.result is Result.NOT_APPLICABLE
    assert skew.detail == CONNECTOR.exempt["clock_skew"]


def test_a_connector_whose_vendor_nobody_stands_up():
    alone = replace(CONNECTOR, simulator=None)
    rows = {row.check: row for row in examine(alone)}
    assert rows["settings"].result is Result.PASSED
    for name, row in rows.items():
        if name != "settings":
            assert row.result is Result.NOT_APPLICABLE, name
    assert "bellringer conformance example_sis --set" in rows["full_read"].detail


class NamingAnother(ExampleSis):
    """It says of whatever is wrong that another setting is."""

    def check(self) -> None:
        try:
            super().check()
        except PermanentConnectorError as error:
            raise PermanentConnectorError("example_sis", "look at url, or at my_secrets") from error


def test_another_setting_is_not_the_one_that_is_wrong():
    assert "check() does not name it" in failing(with_source(NamingAnother), "check")


def test_nothing_is_doubled_in_a_live_drop(tmp_path):
    connector = registry.get("oneroster_csv")
    settings = stand_up(connector.bench, districts.whole(), tmp_path).settings
    (row,) = examine(connector, settings=settings, only=["repeated_ids"])
    assert row.result is Result.NOT_APPLICABLE
    assert "live vendor" in row.detail


def test_nobody_says_that_a_live_vendor_is_well(tmp_path):
    connector = registry.get("oneroster_csv")
    (row,) = examine(connector, settings={"path": str(tmp_path / "none.zip")}, only=["full_read"])
    assert row.result is Result.FAILED
    assert "well" not in row.detail


def test_a_live_vendor_is_only_read():
    from connectors.conformance.patience import Patience
    from connectors.district.generate import generate
    from connectors.simulator.server import SimulatorServer

    with SimulatorServer([]) as server:
        mounted = server.mount(CONNECTOR, generate("oak", seed=3, students=9))
        made = examine(CONNECTOR, settings=mounted.settings, network=Patience().network())
        rows = {row.check: row for row in made}
        asked = httpx.get(f"{mounted.settings['url']}/_simulator/requests", trust_env=False).json()
    passed = {name for name, row in rows.items() if row.result is Result.PASSED}
    assert passed == {"settings", "check", "full_read", "resume", "incremental_equals_full"}
    assert all(row.result is not Result.FAILED for row in rows.values())
    assert "only read" in rows["http_403"].detail
    assert {told.split("?")[0] for told in asked} == {
        "POST /token",
        "GET /v1/schools",
        "GET /v1/people",
    }


def test_mode_is_what_the_read_was(monkeypatch):
    class Mislabelled(ExampleSis):
        def read(self, request: ReadRequest) -> Iterator[Any]:
            for item in super().read(request):
                if isinstance(item, ReadCertificate):
                    item = replace(item, mode=Mode.INCREMENTAL, complete=frozenset())
                yield item

    assert "mode incremental" in failing(with_source(Mislabelled), "full_read")
