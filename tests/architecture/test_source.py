"""What the source as text must keep: its sizes, its names, and one way to change a state."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from shared.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("console", "scheduler", "workers", "connectors", "shared")
MAX_FILE = 500
MAX_FUNCTION = 60
#: Names that say nothing.
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
STATE_OWNER = "shared/db/jobs.py"


def modules() -> list[Path]:
    """Return the product's modules; migrations are generated, one statement a table."""
    found = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [path for path in found if "migrations/versions" not in path.as_posix()]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in modules():
        yield name_of(path), ast.parse(path.read_text())


def tracked() -> list[Path]:
    """Return the files under version control that are text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("this tree is no clone")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


def test_no_file_is_longer_than_a_person_reads() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{name}:{node.name}": node.end_lineno - node.lineno + 1
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= MAX_FUNCTION
    }
    assert long == {}


def test_every_module_is_named_after_what_it_holds() -> None:
    named = {part for path in modules() for part in path.relative_to(ROOT).with_suffix("").parts}
    assert named & EMPTY_NAMES == set()


def test_every_folder_of_ours_is_a_package() -> None:
    folders = {path.parent for path in modules()}
    assert [name_of(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


# One way to change a state


def sets_of_jobs(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield each `.values(…)` of an `update(jobs)`."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr == "values" and any(
            is_call_with_jobs(inner, {"update"}) for inner in ast.walk(node.func.value)
        ):
            yield node


def is_call_with_jobs(node: ast.AST, names: set[str]) -> bool:
    if not (isinstance(node, ast.Call) and node.args):
        return False
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", None)
    first = node.args[0]
    table = first.id if isinstance(first, ast.Name) else getattr(first, "attr", None)
    return called in names and table == "jobs"


def changes_of_state(source: str) -> list[str]:
    """Return what in a module makes a job, or may set a job's state."""
    tree = ast.parse(source)
    found = []
    for call in sets_of_jobs(tree):
        # what is not spelled out as keywords cannot be seen from here
        if call.args or any(keyword.arg in {"state", None} for keyword in call.keywords):
            found.append(ast.unparse(call))
    for node in ast.walk(tree):
        if is_call_with_jobs(node, {"insert"}):
            found.append(ast.unparse(node))
    found += re.findall(r"(?i)\b(?:update|insert\s+into)\s+jobs\b.*", source)
    return found


def test_a_state_changes_in_one_module_alone() -> None:
    found = {name_of(path): changes_of_state(path.read_text()) for path in modules()}
    assert found.pop(STATE_OWNER), "the rule sees nothing where the states are changed"
    assert {name: changes for name, changes in found.items() if changes} == {}


@pytest.mark.parametrize(
    "source",
    [
        "c.execute(update(jobs).where(jobs.c.id == 1).values(state='held'))",
        "c.execute(update(tables.jobs).values({'state': 'held'}))",
        "c.execute(update(jobs).values(**values))",
        "c.execute(insert(jobs).values(mode='full'))",
        "c.execute(text('UPDATE jobs SET state = 1'))",
    ],
)
def test_the_rule_sees_every_way_to_change_a_state(source: str) -> None:
    assert changes_of_state(source)


def test_the_rule_lets_other_columns_be_set() -> None:
    assert changes_of_state("update(jobs).where(jobs.c.state == 'held').values(mode='full')") == []


def test_the_audit_log_is_only_written_to() -> None:
    """What it once told stays, until it is forgotten for its age."""
    pattern = re.compile(
        r"(?i)\b(?:update|delete)\(\s*(?:\w+\.)?audit_log\b|(?:update|from)\s+audit_log"
    )
    found = [name_of(path) for path in modules() if pattern.search(path.read_text())]
    assert found == ["shared/db/forgetting.py"]


# Names and places


def test_nobody_else_owns_our_top_level_names() -> None:
    owners = packages_distributions()
    for name in PACKAGES:
        assert set(owners.get(name, ["bellringer"])) == {"bellringer"}
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin == str(ROOT / name / "__init__.py")
    assert "tests" not in owners


def test_no_file_knows_the_machine_or_the_mirror_it_was_made_on() -> None:
    # put together, so that this file does not match itself
    hosts = ("py" + r"pi\.org", "python" + r"hosted", "registry" + r"\.npmjs", "deb" + r"\.debian")
    forbidden = [
        re.compile(r"(?<![\w.$}/-])/" + r"work/[a-z]"),
        re.compile(r"(?i)https?://[^\s/\"']*" + r"(?:registry|artifactory|nexus|mirror)"),
        re.compile(r"(?<!no-emit-)(?:extra-)?index-" + r"url\b"),
        re.compile("|".join(hosts)),
    ]
    found = [
        f"{name_of(path)}: {line.strip()}"
        for path in tracked()
        for line in path.read_text(errors="replace").splitlines()
        if any(pattern.search(line) for pattern in forbidden)
    ]
    assert found == []


def test_locks_name_no_place() -> None:
    for name in (f"requirements{of}.lock" for of in ("", "-dev", "-active-directory")):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert text.count("--hash=sha256:") > 0


def test_locks_agree() -> None:
    """They are installed over one another."""
    pins: dict[str, set[tuple[str, ...]]] = {}
    for of in ("", "-dev", "-active-directory"):
        found: dict[str, list[str]] = {}
        text = (ROOT / f"requirements{of}.lock").read_text()
        # a version, and the Python that it is for where there are several
        for name, version in re.findall(r"^([\w.-]+)==(.+?) \\$", text, re.M):
            found.setdefault(name, []).append(version)
        for name, versions in found.items():
            pins.setdefault(name, set()).add(tuple(versions))
    assert {name: several for name, several in pins.items() if len(several) > 1} == {}


def test_every_vendor_is_registered_and_every_connector_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    registered = project["entry-points"]["bellringer.connectors"].values()
    folders = {
        path.name
        for path in (ROOT / "connectors" / "vendors").iterdir()
        if (path / "__init__.py").exists()
    }
    modules_of = {target.split(":")[0] for target in registered}
    prefix = "connectors.vendors."
    vendors = {module.removeprefix(prefix) for module in modules_of if module.startswith(prefix)}
    assert {vendor.split(".")[0] for vendor in vendors} == folders
    assert all(find_spec(module) is not None for module in modules_of)


# Settings and their page


def documented() -> dict[str, str]:
    """Return each variable of docs/settings.md with its default, as the page spells it."""
    page = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| `BELLRINGER_(\w+)` \| (.+?) \| .+ \|$", page, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a variable stands there twice"
    return dict(rows)


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(documented()) == {name.upper() for name in Settings.model_fields}


def test_the_documented_defaults_are_the_true_ones() -> None:
    told = documented()
    for name, field in Settings.model_fields.items():
        default = told[name.upper()]
        match field.default:
            case None:
                assert default.startswith("unset"), name
            case bool():
                assert default.strip("`") == str(field.default).lower(), name
            case int() | float():
                assert float(default.strip("`")) == field.default, name
            case _ if default != "all":
                assert default.strip("`") == str(field.default), name
