"""Logging, set up once in each process: lines on stderr, plain or JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
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
    """Send the log to stderr.

    Args:
        level: DEBUG, INFO, WARNING or ERROR.
        form: `text` or `json`.
    """
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # libraries that tell every step, with URLs and statements in it
    for name in ("pika", "httpx", "httpcore", "uvicorn", "alembic", "dramatiq"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # pika tells each lost connection with a traceback; our own lines say it once
    logging.getLogger("pika").setLevel(logging.CRITICAL)
