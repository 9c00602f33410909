"""The whole table: whoever imports this module knows every operation."""

from importlib import import_module
from pkgutil import iter_modules

from console import service
from console.service.operation import Operation, operations

#: To import a module of this package is to enter its operations into the table.
for _found in iter_modules(service.__path__, "console.service."):
    if _found.name != __name__:
        import_module(_found.name)


def catalog() -> list[Operation]:
    """Return every operation, by path and method."""
    return list(operations())
