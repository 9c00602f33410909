"""The budgets of vendor accounts in the database: all workers share them, by its clock."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shared.db.engine import Database
from shared.db.tables import vendor_budgets
from shared.domain.pacing import Rate, reserve

_COLUMNS = vendor_budgets.c


class DatabasePacer:
    """A `Pacer` that all processes on one database share.

    Args:
        database: holds the budgets; each turn is a transaction of its own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, account: str, rates: Sequence[Rate], longest_s: float) -> float:
        """Take the next turn; returns the seconds until then. Commits."""
        with self._database.write() as connection:
            free_at = self._locked(connection, account, rates)
            now = self._database.now(connection).timestamp()
            turn = reserve(rates, free_at, now)
            if turn.at - now <= longest_s:
                self._keep(connection, account, rates, turn.free_at)
        return turn.at - now

    def hold(self, account: str, rates: Sequence[Rate], seconds: float) -> None:
        """Let nobody ask for a while. Commits."""
        with self._database.write() as connection:
            free_at = self._locked(connection, account, rates)
            until = self._database.now(connection).timestamp() + seconds
            held = [
                max(free, until + rate.burst * rate.interval_s)
                for rate, free in zip(rates, free_at, strict=True)
            ]
            self._keep(connection, account, rates, held)

    def _locked(
        self, connection: Connection, account: str, rates: Sequence[Rate]
    ) -> Sequence[float]:
        """Return what each bucket holds; nobody else can until the end of the transaction."""
        rows = [
            {"account": account, "requests": rate.requests, "period_s": rate.period_s, "free_at": 0}
            for rate in rates
        ]
        made: Insert = (
            postgresql.insert(vendor_budgets).on_conflict_do_nothing()
            if self._database.is_postgresql
            else sqlite.insert(vendor_budgets).on_conflict_do_nothing()
        )
        connection.execute(made, rows)
        found = connection.execute(
            select(_COLUMNS.requests, _COLUMNS.period_s, _COLUMNS.free_at)
            .where(_COLUMNS.account == account)
            .order_by(_COLUMNS.requests, _COLUMNS.period_s)
            .with_for_update()
        )
        kept = {(row.requests, row.period_s): float(row.free_at) for row in found}
        return [kept[rate.requests, rate.period_s] for rate in rates]

    def _keep(
        self,
        connection: Connection,
        account: str,
        rates: Sequence[Rate],
        free_at: Sequence[float],
    ) -> None:
        for rate, free in zip(rates, free_at, strict=True):
            connection.execute(
                update(vendor_budgets)
                .where(
                    _COLUMNS.account == account,
                    _COLUMNS.requests == rate.requests,
                    _COLUMNS.period_s == rate.period_s,
                )
                .values(free_at=free)
            )
