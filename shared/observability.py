"""Logging, set up once in each process: lines on stderr, plain or JSON.

A traceback tells where, and of what kind an error was. What the error itself says is told only
where we or the broker's library have worded it: a database and a parser quote the value that they
trip over, and that may be a child's name.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType

from shared.errors import BellringerError

log = logging.getLogger(__name__)

#: Whose errors quote nothing of a roster.
_TELLING = (BellringerError, OSError)
_TELLING_PACKAGES = ("pika",)
_CAUSED = "\nThat was the cause of this:\n\n"


def brief(error: BaseException) -> str:
    """Return an error in one line: its kind, and its words where they can be told.

    >>> brief(ValueError("could not convert 'Lee'"))
    'ValueError'
    >>> brief(FileNotFoundError(2, "No such file", "/drop/users.csv"))
    "FileNotFoundError: [Errno 2] No such file: '/drop/users.csv'"
    """
    kind = type(error).__qualname__
    state = getattr(getattr(error, "orig", error), "sqlstate", None)
    if isinstance(state, str):
        return f"{kind}: SQLSTATE {state}"
    package = type(error).__module__.partition(".")[0]
    if isinstance(error, _TELLING) or package in _TELLING_PACKAGES:
        return f"{kind}: {' '.join(str(error).split())}"
    return kind


class _Untelling(logging.Formatter):
    """Writes tracebacks by `brief`."""

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return where an error came from, and those that caused it, the first on top."""
        told = [
            "Traceback (most recent call last):\n"
            + "".join(traceback.format_tb(error.__traceback__))
            + brief(error)
            for error in _chain(ei[1])
        ]
        return _CAUSED.join(reversed(told))


class JsonFormatter(_Untelling):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON: time, level, logger, thread, message, and the traceback."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def set_up_logging(level: str, form: str) -> None:
    """Send the log to stderr, and what ends a thread or the process into the log.

    Args:
        level: DEBUG, INFO, WARNING or ERROR.
        form: `text` or `json`.
    """
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(_Untelling("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # libraries that tell every step, with URLs and statements in it
    for name in ("pika", "httpx", "httpcore", "uvicorn", "alembic", "dramatiq"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # pika tells each lost connection with a traceback; our own lines say it once
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    sys.excepthook = _log_end_of_process
    threading.excepthook = _log_end_of_thread


def _log_end_of_process(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("the process ends on a bug", exc_info=(kind, error, trace))


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        name = ended.thread.name if ended.thread else "?"
        log.critical("the thread %s ends on a bug", name, exc_info=ended.exc_value)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, what caused it, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
