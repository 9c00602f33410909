"""What ends links or removes records stands where a certificate or an approval is asked for."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Each takes absences that a certificate let through, rows that a person approved, a run that a
#: person undoes, or a vendor's own word that it has ended what the hub no longer holds.
REMOVERS = {"removing.py", "carrying_out.py", "undo_restoring.py", "provisions.py"}
_REMOVES = re.compile(
    r"ended_at\s*=\s*(?!NULL\b|excluded\b)\S|status\s*=\s*'tobedeleted'", re.IGNORECASE
)


def removals(source: str) -> list[str]:
    """Return the texts that set, in SQL or as values, an end of a link or of a record."""
    found = []
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant):
            text = ast.unparse(node)
            for statement in re.findall(r"\bUPDATE\b.*?\bSET\b(.*?)(?:\bFROM\b|\bWHERE\b|$)", text,
                                        re.DOTALL):  # fmt: skip
                if _REMOVES.search(statement.replace("\\'", "'")):
                    found.append(text)
            if re.search(r"\bDELETE FROM (?:hub_|link_)", text):
                found.append(text)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".values"):
            # schedules end too
            if "update(schedules)" in ast.unparse(node.func):
                continue
            for keyword in node.keywords:
                value = ast.unparse(keyword.value)
                if keyword.arg == "ended_at" and value != "None":
                    found.append(ast.unparse(node))
                if keyword.arg == "status" and value == "'tobedeleted'":
                    found.append(ast.unparse(node))
    return found


def test_removals_stand_in_few_modules() -> None:
    found = {
        path.name: removals(path.read_text())
        for path in (ROOT / "shared").rglob("*.py")
        if "migrations" not in path.parts
    }
    assert found["removing.py"], "the rule sees nothing where records are removed"
    assert found["carrying_out.py"], "the rule sees nothing where approvals are carried out"
    assert {name for name, texts in found.items() if texts} <= REMOVERS


@pytest.mark.parametrize(
    "source",
    [
        'run(f"UPDATE {link} AS l SET ended_at = {now}, x = 1 FROM y")',
        "run(f\"UPDATE {hub} SET status = 'tobedeleted' WHERE 1 = 1\")",
        "execute(update(link).values(ended_at=now))",
        "execute(update(hub).values(status='tobedeleted'))",
        "execute('DELETE FROM hub_users')",
    ],
)
def test_the_rule_sees_every_way_to_remove(source: str) -> None:
    assert removals(source)
