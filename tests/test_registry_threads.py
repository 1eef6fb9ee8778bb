"""Registries that several threads ask at once."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest


def test_who_asks_while_another_thread_looks_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a kind that is there seems not to be, for as long as the first thread imports."""
    package = tmp_path / "slow_things"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "first.py").write_text("import time\ntime.sleep(0.3)\n")
    (package / "later.py").write_text(
        "import slow_things_registry as r\nr.THINGS.register('wanted', 1, __name__)\n"
    )
    (tmp_path / "slow_things_registry.py").write_text(
        "from evolsynth.registry import Registry\n"
        "THINGS = Registry('thing', 'slow_things', 'evolsynth.no_such_group')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    things = importlib.import_module("slow_things_registry").THINGS
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(things.find, ["wanted"] * 8)) == [1] * 8
