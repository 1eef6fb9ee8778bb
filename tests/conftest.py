"""Fixtures: the real model and embedder, loaded once for all tests that ask for them."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
from docs_pages import page_blocks, read_through, shown_by  # noqa: F401 - fixtures
from local_hub import hub  # noqa: F401 - a fixture
from one_ray import (  # noqa: F401 - a fixture and its hooks
    cluster,
    pytest_runtest_teardown,
    pytest_xdist_make_scheduler,
)
from open_browser import browser  # noqa: F401 - a fixture
from scripted_commands import in_folder, use_embedder, use_model  # noqa: F401 - fixtures
from served_models import (  # noqa: F401 - fixtures
    as_it_came,
    llama_server_url,
    python_server_url,
    served,
    served_python,
    smollm_file,
)

from evolsynth.atomic import cache_folder
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.llm.llamacpp import LlamaCpp, engine, machine
from evolsynth.llm.llamacpp.model import Model
from evolsynth.rows import Row

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Threads that wait for each other sleep. Two processes of tests share the processors, and a thread
# that spins keeps them from the one that it waits for: 20 times the work, where others are busy.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Nobody is asked to unlock a keyring.
os.environ.setdefault("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


# The same examples each time, so that a test fails for what was changed and not by chance. Without
# a deadline by the clock: what else a machine does is no fault of an example. So many
# are tried where a test does not say how many; `make test-all` takes "thorough".
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=40)
hypothesis.settings.register_profile("thorough", derandomize=True, deadline=None, max_examples=300)
hypothesis.settings.register_profile("random", deadline=None, max_examples=100)
hypothesis.settings.load_profile("repeatable")

_FOLDER = pytest.StashKey[Path]()
_START_ONCE = """
import asyncio
from evolsynth.llm.llamacpp import LlamaCpp
llm = LlamaCpp(context=512)
asyncio.run(llm.start())
asyncio.run(llm.aclose())
"""


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests a cache folder of their own, with the models and vectors of the usual one, and
    the usual signals.

    Other tests disturb the measurement of how many contexts and threads are fastest, and what is
    kept of it here must not outlast the tests.
    """
    for ignored in (signal.SIGINT, signal.SIGHUP):  # as in the background of a shell, under nohup
        if signal.getsignal(ignored) is signal.SIG_IGN:
            handler = signal.default_int_handler if ignored is signal.SIGINT else signal.SIG_DFL
            signal.signal(ignored, handler)
    if hasattr(config, "workerinput"):  # of several processes: they have the first one's
        return
    usual, mine = cache_folder().absolute(), Path(tempfile.mkdtemp(prefix="evolsynth-tests-"))
    for name in ("models", "static"):
        (usual / name).mkdir(parents=True, exist_ok=True)
        (mine / name).symlink_to(usual / name)
    measured = [usual / name for name in ("arrangements.json", "attention.json")]
    if not all(map(Path.exists, measured)) and getattr(config.option, "numprocesses", None):
        # measured by two processes at once, the wrong one would be chosen for all of the tests
        usually = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
        command = [sys.executable, "-c", _START_ONCE]
        subprocess.run(command, check=False, capture_output=True, env=usually)
    for known in filter(Path.exists, measured):
        shutil.copy(known, mine)
    config.stash[_FOLDER] = mine
    os.environ["EVOLSYNTH_CACHE"] = str(mine)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the tests' cache folder, not what it links to."""
    mine = config.stash.get(_FOLDER, None)
    if mine is not None:
        shutil.rmtree(mine, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def measured_once() -> Iterator[None]:
    """Whatever arrangement of contexts an engine takes, the next one takes too; how attention is
    computed is measured once for all models of one size, as many here are copies of one."""
    measured, timed = machine.arrangement, machine._attention
    times: dict[int, Any] = {}

    def kept(model: Model, *, identity: str, slots: int, processors: int, **most: int) -> Any:
        found = measured(model, identity=identity, slots=slots, processors=processors, **most)
        key = machine.fingerprint(identity, slots=slots, processors=processors)
        if machine.remembered(key) is None:
            machine._remember(key, machine._Measured(found, {}))
        return found

    def once(model: Model) -> Any:
        if model.parameters not in times:
            times[model.parameters] = timed(model)
        return times[model.parameters]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "arrangement", kept)
        patch.setattr(machine, "_attention", once)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is there once all tests are known stays to the end: nothing looks there for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with real models come first, so that two processes end at about the same time."""
    real = {item.path for item in items if item.get_closest_marker("real")}
    items.sort(key=lambda item: item.path not in real)


@pytest.fixture(scope="session")
def embedder() -> MiniLM:
    """The real MiniLM."""
    return MiniLM()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def smollm() -> AsyncIterator[LlamaCpp]:
    """The real SmolLM2, running, with its default settings but smaller slots."""
    async with LlamaCpp(context=512) as llm:
        yield llm


@pytest.fixture(scope="session")
def loaded_model() -> Iterator[Model]:
    """The real SmolLM2's weights and vocabulary, without a context."""
    from evolsynth.llm.llamacpp.files import find_model

    model = Model(find_model("SmolLM2-135M-Instruct")[0])
    yield model
    model.close()


@pytest.fixture
def make_row() -> Callable[..., Row]:
    """Rows with an instruction each."""
    return lambda text, **fields: Row.make(text, **fields)


@pytest.fixture
def device(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The device ``null`` or ``full``; one of the test's own for root, who could replace it."""

    def of(name: str) -> Path:
        place = Path("/dev") / name
        if os.geteuid() == 0:
            place = tmp_path_factory.mktemp("dev") / name
            try:
                os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(1, {"null": 3, "full": 7}[name]))
                place.open("rb").close()
            except OSError:
                pytest.skip("devices cannot be made here")
        if not place.is_char_device():
            pytest.skip(f"{place} is no device here")
        return place

    return of
