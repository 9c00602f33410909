"""Every rule and every function of expressions stands in the docs: errors point there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cel.stdlib import STDLIB_FUNCTIONS

from shared.domain.records import Kind
from shared.roster.expressions import Expression
from shared.roster.mapping import Mapper
from shared.roster.privacy import check_sends
from shared.roster.rules import (
    AppRules,
    FieldRule,
    Filters,
    MatchRule,
    TenantRules,
    parse_app_rules,
    parse_tenant_rules,
)

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
EXAMPLES = [json.loads(block) for language, block in BLOCKS if language == "json"]
(EXPRESSIONS,) = (block.splitlines() for _, block in BLOCKS if block.startswith("email"))


def named(section: str) -> set[str]:
    """Return the rules that have a heading in a section."""
    part = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    headings = " ".join(line for line in part.splitlines() if line.startswith("### "))
    return set(re.findall(r"`(\w+)`", headings))


def test_every_rule_has_its_place() -> None:
    assert named("Of an app") == set(AppRules.model_fields)
    assert named("Of a tenant") == set(TenantRules.model_fields)


def test_every_rule_has_an_example_that_is_taken() -> None:
    shown: set[str] = set()
    for example in EXAMPLES:
        shown |= set(example)
        if set(example) <= set(TenantRules.model_fields):
            for rule in parse_tenant_rules(example).quality:
                Expression(rule.kind, rule.expression, where="quality")
            continue
        rules = parse_app_rules(example)
        check_sends(rules.sends)
        Mapper(rules.attributes)
    assert shown == set(AppRules.model_fields) | set(TenantRules.model_fields)


def test_every_word_of_a_rule_is_told() -> None:
    words = [*FieldRule, *MatchRule, *Kind, *Filters.model_fields]
    assert [word for word in words if f"`{word}`" not in PAGE] == []


def test_every_function_is_told_and_every_example_works() -> None:
    assert [name for name in STDLIB_FUNCTIONS if f"`{name}`" not in PAGE] == []
    for text in EXPRESSIONS:
        Expression(Kind.USERS, text, where="docs")
