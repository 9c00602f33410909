"""The pages, one module a subject."""

from console.web.page import Page, pages
from console.web.pages import districts, sign_in

#: Every module of pages: to import them is to enter their pages into the table.
SUBJECTS = (districts, sign_in)


def every_page() -> list[Page]:
    """Return the table of pages, in the order in which their paths are tried."""
    return list(pages())
