"""A connector as data: what a console makes its form of."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr

from connectors import registry
from connectors.form import Setting, described, settings_of
from connectors.sdk import AbsolutePath, Connector
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier


class Way(StrEnum):
    HEADER = "header"
    FORM = "form"


class Base(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    url: HttpUrl
    """Where it is."""
    secret: SecretStr | None = None
    """What only
    we know."""


class Config(Base):
    path: AbsolutePath | None = None
    """A folder."""
    way: Way = Way.HEADER
    """How."""
    version: Literal["1", "2"] | None = None
    """Which."""
    pages: Annotated[int | None, Field(ge=1, le=9, description="How many.")] = 3
    share: Annotated[float, Field(gt=0)] = 0.5
    """How much."""
    is_on: bool = True
    """Whether."""
    more: dict[str, str] = {}
    """What no form knows."""
    url: HttpUrl = HttpUrl("https://vendor.example")


CONNECTOR = Connector(
    name="formed",
    title="Formed",
    tier=Tier.IMPORT,
    capabilities=Capabilities(
        frozenset(Mode),
        frozenset({Kind.USERS, Kind.ORGS}),
        {Kind.USERS: frozenset({"username", "email"})},
    ),
    config=Config,
    open=lambda config: config,
)


def test_every_kind_of_setting():
    found = {one.name: one for one in settings_of(CONNECTOR)}
    assert found["secret"] == Setting("secret", "secret", False, True, None, "What only we know.")
    assert found["path"] == Setting("path", "path", False, False, None, "A folder.")
    assert found["way"] == Setting(
        "way", "choice", False, False, "header", "How.", ("header", "form")
    )
    assert found["version"].choices == ("1", "2")
    assert found["pages"] == Setting(
        "pages", "integer", False, False, 3, "How many.", minimum=1, maximum=9
    )
    share = found["share"]
    assert (share.type, share.minimum, share.exclusive_minimum) == ("number", None, 0)
    assert (found["is_on"].type, found["is_on"].default) == ("boolean", True)
    assert found["more"].type == "json"
    # another default, and the description of the model that it comes from
    assert (found["url"].type, found["url"].description) == ("address", "Where it is.")


def test_the_whole_of_a_connector():
    told = described(CONNECTOR)
    assert told["reads"] == ["orgs", "users"]
    assert told["writes"] == {"users": ["email", "username"]}
    assert told["modes"] == ["full", "incremental"]
    assert not told["has_simulator"]
    assert told["settings"][0]["name"] == "url"


@pytest.mark.parametrize("name", registry.names())
def test_every_setting_of_every_connector_is_described(name):
    for one in settings_of(registry.get(name)):
        assert one.description, f"{name}.{one.name}"
        assert one.type != "json", f"{name}.{one.name}"
        assert not (one.is_secret and one.default)
