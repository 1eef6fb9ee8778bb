"""One Ray for all files of tests/cluster, which takes seconds to begin and to end."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cluster.connect import connected

HERE = Path(__file__).with_name("cluster")
_begun = ExitStack()


@pytest.fixture(scope="module")
def cluster() -> Any:
    """A Ray with three processors, whatever the machine has; its workers find evolsynth and the
    modules of these tests."""
    import ray

    if not ray.is_initialized():
        with pytest.MonkeyPatch.context() as patch:
            places = (str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", ""))
            patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
            _begun.enter_context(connected(num_cpus=3, object_store_memory=128 << 20))
            _begun.callback(gc.collect)
    return ray


def end_ray() -> None:
    """End it, for tests that begin others; the next that wants it begins it again."""
    _begun.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """It ends with the last test that may want it: others begin one of their own.

    What tests have begun to read of a Ray Dataset and left is closed before, as Ray raises where
    one of another Ray is, in whatever test the collector comes to it.
    """
    yield
    if nextitem is None or HERE not in nextitem.path.parents:
        end_ray()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files that share it go to one process; all others go by themselves."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class Together(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "tests/cluster" if file.startswith("tests/cluster/") else file

    return Together(config, log)
