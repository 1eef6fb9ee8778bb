"""A fixture: a Chromium of the system, without a window, for the tests of a file; and what axe says
of a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evals.browser import chromium
from evolsynth.errors import SetupError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Where it cannot be opened, the tests are skipped, which says aloud why."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(chromium())
        except SetupError as error:
            pytest.skip(f"THE REPORT WAS NOT TRIED IN A BROWSER: {error}")
        yield browser


def unfit(page: Page) -> list[tuple[str, list[str]]]:
    """Where a page does not keep to WCAG 2 A and AA: rules, and the elements that break them. What
    does is not listed, which would take half of the time."""
    axe = pytest.importorskip("axe_core_python", reason="pip install axe-core-python")
    script = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(f"() => {{ {script} }}")
    rules = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']"
    found = page.evaluate(f"() => axe.run({{ runOnly: {rules}, resultTypes: ['violations'] }})")
    return [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found["violations"]]
