"""The documents say what the code says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from shared.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
#: A registry's host, in pieces, so that this file does not name one.
HOSTS = "|".join(
    ("py" + r"pi\.org", "python" + r"hosted\.org", "registry" + r"\.npmjs", "deb" + r"\.debian")
)
LARGEST_FILE, LONGEST_FUNCTION = 500, 60


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_every_setting_is_documented():
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `BELLRINGER_(\w+)`", text, re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_no_registry_host_and_no_path_of_a_machine_is_written_down():
    pattern = re.compile(HOSTS + r"|(?<![\w.])/work/(?:main|steering)")
    wrong = [
        str(path.relative_to(ROOT))
        for path in _tracked()
        if pattern.search(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert wrong == []


def test_no_file_is_a_drawer_and_none_has_outgrown_its_plan():
    names = {"utils", "helpers", "common", "manager", "misc", "base2"}
    packages = ("console", "scheduler", "workers", "connectors", "shared")
    files = _tracked(*(f"{package}/*.py" for package in packages))
    assert files
    assert [path for path in files if path.stem in names or path.parent.name in names] == []
    long = {
        str(path.relative_to(ROOT)): lines
        for path in files
        if "versions" not in path.parts
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > LARGEST_FILE
    }
    assert long == {}


def test_only_one_module_changes_the_state_of_a_job():
    allowed = {"shared/db/jobs.py"}
    writes = re.compile(r"update\(jobs\)(?:(?!\n\n).)*?\.values\([^)]*\bstate=", re.DOTALL)
    found = {
        str(path.relative_to(ROOT))
        for path in _tracked("shared/*.py", "scheduler/*.py", "workers/*.py", "console/*.py")
        if writes.search(path.read_text(encoding="utf-8"))
    }
    assert found <= allowed


def test_no_other_distribution_owns_our_packages():
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    for package in ("console", "scheduler", "workers", "connectors", "shared"):
        assert set(owners.get(package, ["bellringer"])) == {"bellringer"}
