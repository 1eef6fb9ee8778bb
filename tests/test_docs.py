"""Tables on pages are those that the code declares."""

from __future__ import annotations

import pytest

from evals.tables import PAGES, written
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.check import CHECKS
from evolsynth.findings import known_reasons
from evolsynth.methods.method import METHODS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_up_to_date(page: object) -> None:
    """If not: python -m evals tables."""
    text = page.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert written(text) == text


def test_the_tables_have_every_check_and_every_reason() -> None:
    page = "{}\n<!-- table: {} -->\nold\n<!-- end of table -->\nafter\n"
    checks, reasons = (written(page.format("before", name)) for name in ("checks", "reasons"))
    assert "\nold\n" not in checks
    assert checks.startswith("before\n")
    assert checks.endswith("<!-- end of table -->\nafter\n")
    assert all(f"| `{name}` | " in checks for name in CHECKS)
    assert all(
        f"| `{code}` | {known.sentence} |" in reasons for code, known in known_reasons().items()
    )


def test_a_functions_options_are_a_table_too() -> None:
    page = "<!-- table: options evolsynth.evaluation.gate.checks.topic:TopicCheck -->\n"
    assert "| `about` | must be given | " in written(f"{page}<!-- end of table -->")


def test_every_command_of_a_method_has_its_table() -> None:
    there = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    commands = {method.command for method in METHODS.values() if method.command}
    told = {m.command for n, m in METHODS.items() if f"<!-- table: method {n} -->" in there}
    assert told == commands


def test_a_table_that_there_is_not() -> None:
    with pytest.raises(InputError, match="There is no table 'bees'"):
        written("<!-- table: bees -->\n<!-- end of table -->")
