"""The operators' pages: queues, workers, what needs a person in any district, jobs, doctor."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from console.service import operators
from console.service.jobs import JobId
from console.web.page import Data, page
from console.web.visit import Visit
from shared.domain.roles import Permission
from shared.domain.states import JobState, Mode
from shared.errors import ConfigurationError

#: Items on the first page.
FIRST_ITEMS = 10


@page("GET", "/operators", needs=Permission.ADMINISTER, template="operators.html", is_live=True)
def overview(visit: Visit) -> Data:
    """Show the broker, who runs what, and the most urgent items."""
    attention = visit.desk.call(operators.list_attention, limit=FIRST_ITEMS)
    return {**visit.desk.call(operators.show_instance), "attention": attention}


@page("GET", "/operators/attention", needs=Permission.ADMINISTER, template="attention_of_all.html")
def attention(visit: Visit, after: str | None = None) -> Data:
    """Show what needs a person, in any district."""
    return visit.desk.call(operators.list_attention, after=after or None)


@page("GET", "/operators/jobs", needs=Permission.ADMINISTER, template="jobs_of_all.html")
def jobs(visit: Visit, state: str = "", mode: str = "", before: JobId | None = None) -> Data:
    """Show the jobs of all districts."""
    if mode and mode not in set(Mode):
        raise ConfigurationError("mode", f"there is no {mode!r}", f"Give one of {', '.join(Mode)}.")
    found = visit.desk.call(
        operators.list_jobs_of_all,
        state=state or None,
        mode=Mode(mode) if mode else None,
        before=before,
    )
    chosen = {"state": state, "mode": mode}
    return {
        **found,
        "chosen": chosen,
        "states": ["unfinished", *JobState],
        "modes": list(Mode),
        "older": _older(chosen, found["before"]),
    }


@page("GET", "/operators/doctor", needs=Permission.ADMINISTER, template="doctor.html")
def doctor(visit: Visit) -> Data:
    """Show what is wrong, and what to do about it."""
    order = ("error", "warning", "ok")
    found = visit.desk.call(operators.run_doctor)
    return {"findings": sorted(found, key=lambda one: order.index(one["result"]))}


def _older(chosen: dict[str, str], before: int | None) -> str | None:
    if before is None:
        return None
    kept: dict[str, Any] = {name: value for name, value in chosen.items() if value}
    return f"/operators/jobs?{urlencode({**kept, 'before': before})}"
