"""Reads a simulated Skyward, by the connector or by a bare loop, and prints what it took as JSON.

    python -m tests.benchmarks.rest_read connector|bare SETTINGS_JSON

In a process of its own, so that its peak memory is that of one read alone.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import httpx

from connectors import registry
from connectors.network import Network, parse_networks
from connectors.sdk import ReadRequest, Source
from shared.domain.reading import Batch
from shared.domain.records import Kind
from shared.domain.states import Mode

PAGE = 1000


def _by_connector(settings: dict[str, Any]) -> int:
    connector = registry.get("skyward")
    config = registry.parse_config(connector, {**settings, "page_size": PAGE})
    source = connector.connect(config, Network(allowed=parse_networks("127.0.0.0/8")))
    assert isinstance(source, Source)
    count = 0
    for item in source.read(ReadRequest(Mode.FULL)):
        if isinstance(item, Batch) and item.kind is not Kind.ROLES:
            count += len(item.rows)
    return count


def _bare(settings: dict[str, Any]) -> int:
    """Page and parse the same JSON, and do nothing with it."""
    count = 0
    with httpx.Client(trust_env=False, timeout=60) as client:
        form = {
            "grant_type": "client_credentials",
            "client_id": settings["client_id"],
            "client_secret": settings["client_secret"],
        }
        token = client.post(settings["token_url"], data=form).json()["access_token"]
        for kind in (kind for kind in Kind if kind is not Kind.ROLES):
            url, offset = f"{settings['url']}/ims/oneroster/v1p1/{kind}", 0
            while True:
                answer = client.get(
                    url,
                    params={"limit": PAGE, "offset": offset},
                    headers={"Authorization": f"Bearer {token}"},
                )
                found = answer.json()[str(kind)]
                count += len(found)
                if len(found) < PAGE:
                    break
                offset += len(found)
    return count


def main() -> None:
    """Read, and print `{"seconds": …, "cpu_s": …, "peak_mb": …, "records": …}`."""
    way, given = sys.argv[1:]
    settings = json.loads(given)
    started, worked = time.perf_counter(), time.process_time()
    records = _by_connector(settings) if way == "connector" else _bare(settings)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - worked
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"seconds": seconds, "cpu_s": cpu_s, "peak_mb": peak_mb, "records": records}
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
