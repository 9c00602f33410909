"""The `bellringer` command: how it starts, and how errors end it.

Exit codes: 0 all is well; 1 something failed, or a check found an error; 2 the input is wrong.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer
from typer.exceptions import TyperException

from console.cli.commands import OnDemand
from console.cli.usage import as_configuration_error, is_help
from shared.errors import BellringerError, BrokerUnavailableError, ConfigurationError
from shared.observability import set_up_logging
from shared.secrets import check_key
from shared.settings import load_settings

if TYPE_CHECKING:
    from sqlalchemy.exc import OperationalError


#: Commands that run until they are stopped, and log what they do meanwhile.
LONG_RUNNING = frozenset({"scheduler", "worker", "console", "simulator"})


def main() -> None:
    """Run the command; ends the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command with these arguments; returns the exit code."""
    try:
        settings = load_settings()
        check_key(settings.secret_key)
        long_running = bool(arguments) and arguments[0] in LONG_RUNNING
        level = settings.log_level if long_running else max_level(settings.log_level)
        set_up_logging(level, settings.log_format)
        # not standalone: what the parser refuses is told as all other errors are
        ended = OnDemand().main(arguments, prog_name="bellringer", standalone_mode=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except typer.Abort:
        return _fail("aborted", 1)
    except TyperException as error:
        return 2 if is_help(error) else _fail(str(as_configuration_error(error)), 2)
    except ConfigurationError as error:
        return _fail(str(error), 2)
    except (BrokerUnavailableError, BellringerError) as error:
        return _fail(str(error), 1)
    except _operational_error() as error:
        return _fail(_database_error(error), 1)
    except BrokenPipeError:
        return 1
    return ended if isinstance(ended, int) else 0


def max_level(level: str) -> str:
    """Return the log level of a command that answers and ends: warnings, unless asked for more."""
    return level if level == "DEBUG" else "WARNING"


def _fail(told: str, code: int) -> int:
    typer.echo(f"error: {told}", err=True)
    return code


def _operational_error() -> type[OperationalError]:
    """Return what to catch, imported once something has been raised: help needs no database."""
    from sqlalchemy.exc import OperationalError

    return OperationalError


def _database_error(error: OperationalError) -> str:
    """Say that the database failed, and where, without its password."""
    from shared.db.engine import Database, brief

    url = Database(load_settings().resolved_database_url()).url
    where = url.render_as_string(hide_password=True)
    return f"BELLRINGER_DATABASE_URL: the database at {where} failed: {brief(error)}"


if __name__ == "__main__":
    main()
