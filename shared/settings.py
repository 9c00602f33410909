"""Settings, read from the environment once, at the edge of each process.

With nothing set everything runs embedded: SQLite in `./.bellringer/`, the broker in the process.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import ConfigurationError

Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """What an operator can set; every field is the environment variable `BELLRINGER_<FIELD>`."""

    model_config = SettingsConfigDict(
        env_prefix="BELLRINGER_", extra="ignore", env_ignore_empty=True
    )

    #: Where embedded mode keeps its database, and every mode its work files.
    state_dir: Path = Path(".bellringer")
    #: SQLAlchemy URL; unset: SQLite in `state_dir`.
    database_url: str | None = None
    #: AMQP URL; unset: the in-process broker.
    broker_url: str | None = None
    #: RabbitMQ management URL with an operator's user and password; `doctor` and `/operators` read
    #: it.
    management_url: str | None = None
    #: Address by which browsers reach the console, such as `https://console.example.org`; unset:
    #: this machine's own.
    console_url: str | None = None
    #: Address of a console whose REST API commands are to use, instead of the database.
    server_url: str | None = None
    #: The token that the REST API takes.
    api_token: SecretStr | None = None
    #: Fernet keys, comma-separated, newest first; unset: connector secrets are stored as they are.
    secret_key: SecretStr | None = None
    #: Networks that apps may reach though they are not the public internet, comma-separated, or
    #: `none`; unset: none, and with the embedded database this machine.
    private_networks: str | None = None
    #: Folder in which each tenant may have one of its own name, for files that its apps read and
    #: write; unset: only whoever administers the instance gives an app a path.
    tenant_folders: Path | None = None
    #: Whether a run-now message must carry the broker-verified `user_id`.
    require_user_id: bool = False
    #: The log's threshold.
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    #: The log's form.
    log_format: Literal["text", "json"] = "text"
    #: Port of the Prometheus endpoint of scheduler and worker; unset: none.
    metrics_port: int | None = None

    #: The loops that `bellringer scheduler` runs, comma-separated.
    scheduler_loops: str = "ticker,intake,releaser,relay,sweeper,dead_letters"

    #: How long a claim holds without a beat.
    lease_s: Seconds = 60
    #: Time between two beats of a running job.
    beat_s: Seconds = 15
    #: Time between two ticks.
    tick_s: Seconds = 1
    #: Time between two sweeps.
    sweep_s: Seconds = 5
    #: How old an outbox row is before the scheduler relays it for its committer.
    relay_after_s: Seconds = 2
    #: How long a job may be queued before its message is published again.
    republish_after_s: Seconds = 60
    #: Failures (transient, or lost leases) after which a job fails.
    max_failures: Annotated[int, Field(ge=1)] = 5
    #: The longest a job may take, retries included.
    job_deadline_s: Seconds = 6 * 3600
    #: How long a worker waits for its jobs to give back on SIGTERM.
    grace_s: Seconds = 25
    #: First wait after a transient failure; doubles each time.
    retry_base_s: Seconds = 30
    #: How long a run-now's message id is remembered.
    inbox_days: Annotated[int, Field(ge=1)] = 30
    #: How long what a job left out is kept; of each app's last job it is kept for good.
    quarantine_days: Annotated[int, Field(ge=1)] = 90

    #: How long a session of the console may be idle.
    session_idle_s: Seconds = 30 * 60
    #: How long a session of the console lasts, however busy.
    session_life_s: Seconds = 12 * 3600
    #: How long the audit log is kept.
    audit_days: Annotated[int, Field(ge=1)] = 730

    @property
    def is_embedded_broker(self) -> bool:
        """Whether messages stay inside this process."""
        return self.broker_url is None

    def resolved_private_networks(self) -> str:
        """Return the networks that are allowed, "" for none.

        Whoever runs everything embedded owns the machine and the apps both.
        """
        if self.private_networks is None:
            return "127.0.0.0/8, ::1/128" if self.database_url is None else ""
        return "" if self.private_networks.strip().lower() == "none" else self.private_networks

    def resolved_database_url(self) -> str:
        """Return the URL to connect to, with psycopg 3 as PostgreSQL's driver."""
        if self.database_url is None:
            return f"sqlite:///{self.state_dir / 'bellringer.db'}"
        for prefix in ("postgresql://", "postgres://"):
            if self.database_url.startswith(prefix):
                return "postgresql+psycopg://" + self.database_url.removeprefix(prefix)
        return self.database_url


def load_settings(**overrides: object) -> Settings:
    """Read the environment; keyword arguments win over it.

    Raises:
        ConfigurationError: a variable does not parse, or contradicts another; names it.
    """
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "BELLRINGER_" + str(first["loc"][0]).upper()
        raise ConfigurationError(name, first["msg"], "Correct it or unset it.") from error
    # one beat may come late, or fail, without the job's being taken for dead
    if settings.lease_s < 2 * settings.beat_s:
        raise ConfigurationError(
            "BELLRINGER_LEASE_S",
            f"{settings.lease_s:g} s is less than twice BELLRINGER_BEAT_S ({settings.beat_s:g} s)",
            f"Give {2 * settings.beat_s:g} or more, or beat more often.",
        )
    return settings


def check_state_dir(settings: Settings) -> None:
    """Make the state folder where it is missing, and see that it can be written.

    Raises:
        ConfigurationError: it cannot be made or written.
    """
    folder = settings.state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigurationError(
            "BELLRINGER_STATE_DIR",
            f"{folder} cannot be written: {error.strerror}",
            "Name a folder that can be.",
        ) from error
