"""A Chromium of the system, for programs and tests that open the report in one.

Playwright's own downloads are not used; ``EVOLSYNTH_CHROMIUM`` may name another browser.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evolsynth.errors import SetupError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["CHROMIUM", "chromium"]

#: Where it is; None where there is none.
CHROMIUM = os.environ.get("EVOLSYNTH_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
#: It asks nobody for anything of its own.
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window, closed at the end.

    Raises:
        SetupError: playwright or Chromium is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise SetupError(
            "A page is opened in a browser by playwright, which is not installed: pip install "
            "playwright (its own browsers are not needed)."
        ) from None
    if CHROMIUM is None:
        raise SetupError(
            "No Chromium was found. Install one (apt install chromium), or name it in the variable "
            "EVOLSYNTH_CHROMIUM."
        )
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        try:
            yield browser
        finally:
            browser.close()
