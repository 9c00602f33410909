"""The package of `deploy/services` lies beside it, not on the path: put it there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "deploy"))
