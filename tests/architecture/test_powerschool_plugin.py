"""The plugin that a district installs has the queries that the connector asks for."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from connectors import registry
from connectors.vendors.powerschool import queries

PLUGIN = Path(__file__).resolve().parents[2] / "docs" / "connectors" / "powerschool-plugin"
SPACE = {"p": "http://plugin.powerschool.pearson.com"}


def tree(path: str) -> ElementTree.Element:
    return ElementTree.parse(PLUGIN / path).getroot()  # noqa: S314 - a file of our own


QUERIES = {
    query.get("name"): query
    for query in tree("queries_root/bellringer.named_queries.xml").iter("query")
}


def prefix() -> str:
    return str(registry.get("powerschool").config.model_fields["query_prefix"].default)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        (
            queries.CONTACTS,
            "student_dcid school_dcid contact_id first_name middle_name last_name email"
            " relationship is_custodial",
        ),
        (queries.MEMBERS, "id section_dcid student_dcid entry_date exit_date"),
    ],
)
def test_a_query_gives_what_is_read_of_it(name: str, columns: str) -> None:
    query = QUERIES[f"{prefix()}.{name}"]
    aliases = [(column.text or "").split(".") for column in query.iter("column")]
    assert [column for _, column in aliases] == columns.split()
    # the SQL's columns stand in the order of the plugin's
    sql = query.findtext("sql") or ""
    assert re.findall(r" AS (\w+)", sql) == columns.split()
    assert "ORDER BY" in sql


def test_every_field_that_is_read_is_asked_for() -> None:
    access = tree("plugin.xml")
    fields = access.iterfind(".//p:field", SPACE)
    asked = {f"{field.get('table')}.{field.get('field')}" for field in fields}
    read: set[str] = set()
    for query in QUERIES.values():
        read |= {str(column.get("column")) for column in query.iter("column")}
        sql = query.findtext("sql") or ""
        tables = "|".join(re.findall(r"(?:FROM|JOIN) (\w+)", sql))
        read |= {found.upper() for found in re.findall(rf"\b(?:{tables})\.\w+", sql)}
    assert read == asked
    assert access.find("p:oauth", SPACE).get("accessLevelV1Api") == "FULL"
