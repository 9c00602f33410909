"""The whole table: whoever imports this module knows every operation."""

from console.service import apps, jobs, schedules, tenants, timelines
from console.service.operation import Operation, operations

#: The modules, in the order in which the API's description tells them.
SUBJECTS = (tenants, apps, schedules, jobs, timelines)


def catalog() -> list[Operation]:
    """Return every operation, by path and method."""
    return list(operations())
