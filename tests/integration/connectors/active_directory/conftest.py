"""Units of a test's own in a real Active Directory, and the connector that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors import registry
from connectors.sdk import ReadRequest
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode
from tests.samba_directory import HERE, SambaDirectory, Unit

Items = list[Batch | Refused | ReadCertificate]
Values = dict[str, str | None]
Known = dict[tuple[Kind, str], Values]


class Kit:
    """Reads, and what reads mean."""

    def source(self, settings: dict[str, Any], **more: Any) -> Any:
        connector = registry.get("active_directory")
        config = registry.parse_config(connector, settings)
        return connector.open(config, HERE, **more)

    def read(
        self, settings: dict[str, Any], mode: Mode = Mode.FULL, cursor: str | None = None
    ) -> Items:
        items: Items = list(self.source(settings).read(ReadRequest(mode, cursor)))
        assert isinstance(items[-1], ReadCertificate)
        assert not any(isinstance(item, ReadCertificate) for item in items[:-1])
        assert [item for item in items if isinstance(item, Refused)] == []
        return items

    def rows(self, items: Items) -> Known:
        """Every row, by kind and id; each comes once."""
        found: Known = {}
        for item in items:
            if isinstance(item, Batch):
                for row in item.rows:
                    assert (item.kind, row[0]) not in found
                    found[item.kind, str(row[0])] = dict(zip(item.fields, row[1:], strict=True))
        return found

    def after(self, known: Known, items: Items) -> Known:
        """What is known after an incremental read, as the hub would have it."""
        gone = {(b.kind, id_) for b in items if isinstance(b, Batch) for id_ in b.deleted}
        assert not gone & self.rows(items).keys()
        return {k: v for k, v in (known | self.rows(items)).items() if k not in gone}

    def users(self, settings: dict[str, Any]) -> dict[str, Values]:
        """The users of a full read, by username."""
        found = self.rows(self.read(settings))
        return {str(v["username"]): v for (kind, _), v in found.items() if kind is Kind.USERS}


@pytest.fixture
def kit() -> Kit:
    return Kit()


@pytest.fixture
def unit(samba: SambaDirectory) -> Iterator[Unit]:
    """A unit of this test's own."""
    made = samba.unit()
    yield made
    made.remove()


@pytest.fixture
def make_unit(samba: SambaDirectory) -> Iterator[Callable[[], Unit]]:
    """Makes further units."""
    made: list[Unit] = []

    def make() -> Unit:
        made.append(samba.unit())
        return made[-1]

    yield make
    for one in made:
        one.remove()
