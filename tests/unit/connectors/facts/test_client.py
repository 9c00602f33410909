"""What an answer other than OK means."""

from __future__ import annotations

import pytest

from connectors import registry
from connectors.transport.http import Answer, HttpClient
from connectors.vendors.facts.client import Client, Listing
from shared.errors import PermanentConnectorError, TransientConnectorError

TRACE = b"System.ArgumentException: x not found.\n   at Sieve.Services.Apply()"


@pytest.mark.parametrize(
    ("body", "filters", "use_sorts", "error", "told"),
    [
        (TRACE, "x==1", True, PermanentConnectorError,
         ", it may not know the column x of Filters or personId of Sorts: set use_sorts=false"),
        (TRACE, "", True, PermanentConnectorError,
         ", it may not know personId of Sorts: set use_sorts=false"),
        (TRACE, "x==1", False, PermanentConnectorError,
         ", it may not know the column x of Filters"),
        # nothing was asked for that the server could not know
        (TRACE, "", False, TransientConnectorError, ""),
        # no stack trace: a proxy, or a service behind
        (b"Host not found.", "x==1", True, TransientConnectorError, ""),
    ],
)  # fmt: skip
def test_a_500_is_permanent_where_it_is_of_a_column(body, filters, use_sorts, error, told):
    given = {"subscription_key": "a", "api_key": "b", "use_sorts": use_sorts}
    config = registry.parse_config(registry.get("facts"), given)
    with HttpClient("facts", config.address) as http:
        listing = Listing("/People", "personId", filters=filters)
        found = Client(config, http).error_of(listing, Answer(500, {}, body))
    assert type(found) is error
    assert found.user_message.endswith(f"/People: status 500{told}")
