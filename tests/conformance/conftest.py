"""The example package of the guide, importable as it lies there."""

from __future__ import annotations

import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "bellringer_example"

if str(EXAMPLE) not in sys.path:
    sys.path.insert(0, str(EXAMPLE))
