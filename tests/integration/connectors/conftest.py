"""A folder of a test's own on the real SFTP server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sftp_site import SftpSite


@pytest.fixture
def site(servers: Any) -> Iterator[SftpSite]:
    servers.revive("openssh")
    made = SftpSite(servers.environment)
    yield made
    made.remove()
