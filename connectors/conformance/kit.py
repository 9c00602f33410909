"""Every check by its name, and what runs them over one connector."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from types import MappingProxyType

from connectors import registry
from connectors.conformance import (
    checks_exporting,
    checks_reading,
    checks_settings,
    checks_trouble,
    checks_writing,
)
from connectors.conformance.benches import bench_of
from connectors.conformance.districts import PAGE
from connectors.conformance.rows import BrokenError, NotApplicableError, Result, Row
from connectors.conformance.subject import Subject
from connectors.network import Network
from connectors.sdk import Connector
from shared.errors import BellringerError, ConfigurationError

#: Takes what is checked; returns what was seen, raises `BrokenError` or `NotApplicableError`.
Check = Callable[[Subject], str]
#: How long one check may take, in seconds: what has not ended by then never does.
LIMIT_S = 60.0


def _either(of_source: Check, of_target: Check) -> Check:
    def check(subject: Subject) -> str:
        return of_target(subject) if subject.is_export else of_source(subject)

    check.__doc__ = of_source.__doc__
    return check


#: In the order in which they are made and told.
CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "settings": checks_settings.settings,
        "check": checks_settings.check,
        "full_read": checks_reading.full_read,
        "paging_0": partial(checks_reading.paging, students=0),
        "paging_1": partial(checks_reading.paging, students=1),
        "paging_page_minus_1": partial(checks_reading.paging, students=PAGE - 1),
        "paging_page": partial(checks_reading.paging, students=PAGE),
        "paging_page_plus_1": partial(checks_reading.paging, students=PAGE + 1),
        "resume": checks_reading.resume,
        "incremental_equals_full": _either(
            checks_reading.incremental_equals_full, checks_exporting.incremental_equals_full
        ),
        "empty": _either(checks_reading.empty, checks_exporting.empty),
        "partial": _either(checks_trouble.partial, checks_exporting.partial),
        "short_page": checks_trouble.short_page,
        "repeated_ids": checks_reading.repeated_ids,
        "unicode_names": _either(checks_reading.unicode_names, checks_exporting.unicode_names),
        "http_401": checks_trouble.http_401,
        "http_403": checks_trouble.http_403,
        "http_404": checks_trouble.http_404,
        "http_429_with_retry_after": checks_trouble.http_429_with_retry_after,
        "http_429_without_retry_after": checks_trouble.http_429_without_retry_after,
        "http_5xx": checks_trouble.http_5xx,
        "slow_drip": checks_trouble.slow_drip,
        "never_ending_body": checks_trouble.never_ending_body,
        "html_instead_of_json": checks_trouble.html_instead_of_json,
        "redirect_to_status_page": checks_trouble.redirect_to_status_page,
        "token_expiry": checks_trouble.token_expiry,
        "clock_skew": checks_reading.clock_skew,
        "write_results": checks_writing.write_results,
        "idempotent_rewrite": _either(
            checks_writing.idempotent_rewrite, checks_exporting.idempotent_rewrite
        ),
        "byte_stable_export": checks_exporting.byte_stable_export,
        "whole_delivery": checks_exporting.whole_delivery,
    }
)


def examine(
    connector: Connector,
    *,
    settings: Mapping[str, str] | None = None,
    network: Network | None = None,
    only: Collection[str] | None = None,
    limit_s: float = LIMIT_S,
) -> Iterator[Row]:
    """Yield a row for each check, in their order.

    Args:
        connector: what is checked.
        settings: of a live vendor, who is only read; None: the vendor's side is stood up here.
        network: where a live vendor is.
        only: the names of the checks to make; None: all.
        limit_s: seconds that a check may take.

    Raises:
        ConfigurationError: there is no check of a name, or the settings do not fit the connector.
    """
    if unknown := sorted(set(only or ()) - CHECKS.keys()):
        raise ConfigurationError(
            "check", f"there is no {unknown[0]}", f"Known: {', '.join(CHECKS)}."
        )
    if settings is not None:
        registry.parse_config(connector, settings)
    with (
        tempfile.TemporaryDirectory(prefix="bellringer-", ignore_cleanup_errors=True) as folder,
        bench_of(connector, Path(folder), settings, network) as bench,
        closing(Subject(connector, bench, Path(folder), settings)) as subject,
    ):
        for name, check in CHECKS.items():
            if only is None or name in only:
                yield _row(subject, name, check, limit_s)


def _row(subject: Subject, name: str, check: Check, limit_s: float) -> Row:
    row = partial(Row, subject.connector.name, name)
    if name in subject.connector.exempt:
        return row(Result.NOT_APPLICABLE, subject.connector.exempt[name])
    try:
        return row(Result.PASSED, _limited(partial(check, subject), limit_s))
    except NotApplicableError as reason:
        return row(Result.NOT_APPLICABLE, str(reason))
    except BrokenError as error:
        return row(Result.FAILED, str(error))
    except ConfigurationError as error:
        return row(Result.FAILED, f"its settings are refused: {error}")
    except BellringerError as error:
        return row(Result.FAILED, f"it raised {type(error).__name__}: {error}")
    # whatever a connector raises is a row, and the next check is made
    except Exception as error:  # noqa: BLE001
        return row(Result.FAILED, f"it raised {type(error).__name__}, no ConnectorError: {error}")


def _limited(check: Callable[[], str], limit_s: float) -> str:
    """Make a check in a thread, so that one which never ends does not end the others."""
    told: list[str] = []
    raised: list[BaseException] = []

    def make() -> None:
        try:
            told.append(check())
        # handed on to the thread that waits
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=make, name="conformance", daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        raise BrokenError(f"it had not ended after {limit_s:g} s")
    if raised:
        raise raised[0]
    return told[0]
