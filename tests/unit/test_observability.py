"""What a log tells of an error: where, what kind, and nothing of anybody's data."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from shared import observability
from shared.errors import PermanentConnectorError

CANARY = "Canary"


@pytest.fixture(params=["text", "json"])
def logged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """A log as a process writes it; returns what was written."""
    root = logging.getLogger()
    before = (root.handlers, root.level, sys.excepthook, threading.excepthook)
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    observability.set_up_logging("DEBUG", request.param)
    yield written
    root.handlers, root.level, sys.excepthook, threading.excepthook = before


def _parse() -> None:
    try:
        int(CANARY)
    except ValueError as error:
        raise KeyError(CANARY) from error


def test_a_traceback_tells_the_place_and_the_kind_alone(logged: io.StringIO) -> None:
    try:
        _parse()
    except KeyError as error:
        logging.getLogger("x").error("a bug", exc_info=error)
    told = logged.getvalue()
    assert CANARY not in told
    for part in ("a bug", "Traceback", "_parse", "ValueError", "KeyError", "the cause of this"):
        assert part in told
    assert told.index("ValueError") < told.index("KeyError")


def test_a_database_s_error_is_told_by_its_number(logged: io.StringIO) -> None:
    cause = psycopg.errors.UniqueViolation(f"Key (email)=({CANARY}) already exists")
    error = IntegrityError("INSERT …", {"email": CANARY}, cause, hide_parameters=True)
    logging.getLogger("x").error("a bug", exc_info=error)
    assert CANARY not in logged.getvalue()
    assert "SQLSTATE 23505" in logged.getvalue()


def test_what_we_have_worded_ourselves_is_told(logged: io.StringIO) -> None:
    error = PermanentConnectorError("sis", "the password is wrong")
    logging.getLogger("x").error("refused", exc_info=error)
    assert "PermanentConnectorError: sis: the password is wrong" in logged.getvalue()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_ends_a_thread_or_the_process_is_logged_so_too(logged: io.StringIO) -> None:
    thread = threading.Thread(target=_parse, name="of a test")
    hook = threading.excepthook
    threading.excepthook = hook
    thread.start()
    thread.join()
    try:
        _parse()
    except KeyError as error:
        sys.excepthook(KeyError, error, error.__traceback__)
    told = logged.getvalue()
    assert CANARY not in told
    assert told.count("ends on a bug") == 2


@pytest.mark.parametrize("logged", ["json"], indirect=True)
def test_a_line_of_json_is_one(logged: io.StringIO) -> None:
    try:
        _parse()
    except KeyError:
        logging.getLogger("x").exception("a bug")
    (line,) = logged.getvalue().splitlines()
    assert json.loads(line)["level"] == "ERROR"
