"""A fixture: a Chromium of the system, without a window, for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from evals.browser import chromium
from evolsynth.errors import SetupError

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Where it cannot be opened, the tests are skipped, which says aloud why."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(chromium())
        except SetupError as error:
            pytest.skip(f"THE REPORT WAS NOT TRIED IN A BROWSER: {error}")
        yield browser
