"""The pages, one module a subject."""

from importlib import import_module
from pkgutil import iter_modules

from console.web.page import Page, pages


def every_page() -> list[Page]:
    """Return the table of pages, in the order in which their paths are tried."""
    # to import a module of this package is to enter its pages into the table
    for found in iter_modules(__path__, "console.web.pages."):
        import_module(found.name)
    return list(pages())
