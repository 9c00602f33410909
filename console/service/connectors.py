"""Operations on connectors: what can be configured, ours and others' alike."""

from __future__ import annotations

from connectors import registry
from connectors.form import described
from console.service.means import Means
from console.service.operation import Reach, operation
from shared.db.views import Shown
from shared.domain.roles import Permission


@operation("GET", "/connectors", needs=Permission.VIEW, reach=Reach.CALLER)
def list_connectors(means: Means) -> Shown:
    """List the connectors that are installed, and those that cannot be loaded with the reason.

    The answer is `{"connectors": [...], "broken": {name: problem}}`; a connector as
    `connectors.form.described` tells it, without its settings.
    """
    del means  # it asks no database
    return installed()


@operation("GET", "/connectors/{connector}", needs=Permission.VIEW, reach=Reach.CALLER)
def show_connector(means: Means, connector: str) -> Shown:
    """Show a connector: what it can do, and each setting that it takes."""
    del means  # it asks no database
    return described(registry.get(connector))


def installed() -> Shown:
    """Return what `list_connectors` does."""
    found, broken = registry.installed()
    return {
        "connectors": [
            {name: of for name, of in described(one).items() if name != "settings"} for one in found
        ],
        "broken": {name: str(error) for name, error in broken.items()},
    }
