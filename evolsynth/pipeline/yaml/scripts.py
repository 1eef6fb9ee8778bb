"""What a user's own Python file or module holds: pipelines and steps, as ``X:NAME``.

``X`` is a file that ends in ``.py``, or a module that can be imported. The file's folder is put
first on Python's path, as Python itself does for a script, so that it can import its neighbours.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from evolsynth.atomic import at_home
from evolsynth.errors import EvolsynthError, InputError, SetupError, nearest
from evolsynth.pipeline.graph import Chainable, Pipeline
from evolsynth.pipeline.makers import StepMaker
from evolsynth.pipeline.steps import STEPS

__all__ = ["Scripts", "called"]


class Scripts:
    """Python files and modules, each run once.

    Args:
        folder: where relative paths begin and modules are looked for too.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._modules: dict[str, ModuleType] = {}

    def get(self, spec: str, wanted: type[Any], what: str) -> Any:
        """The thing that ``X:NAME`` names.

        Args:
            spec: ``script.py:NAME`` or ``package.module:NAME``.
            wanted: things of this type are listed where there is no such name.
            what: what people call those.

        Raises:
            InputError: there is no such file, module or name, or the code raises.
        """
        place, _, asked = spec.rpartition(":")
        module = self.module(place)
        if asked and hasattr(module, asked):
            return getattr(module, asked)
        found = [
            name
            for name, value in vars(module).items()
            if isinstance(value, wanted)
            and not name.startswith("_")
            and not any(value is ours for ours in STEPS.values())
        ]
        raise InputError(_no_such(place, asked, found, what))

    def module(self, place: str) -> ModuleType:
        """The file or module, run.

        Raises:
            InputError: it is not there, or raises.
        """
        if place not in self._modules:
            run = self._file if place.endswith(".py") else self._named
            self._modules[place] = run(place)
        return self._modules[place]

    def _file(self, place: str) -> ModuleType:
        path = self.folder / at_home(place)
        if not path.is_file():
            raise InputError(f"{path}: no such file. Give the path of a Python file.")
        path = path.resolve()
        # A name of its own: a script called json.py must not stand in for the real one.
        name = f"_evolsynth_{path.stem}_{hashlib.blake2b(bytes(path), digest_size=6).hexdigest()}"
        found = importlib.util.spec_from_file_location(name, path)
        if found is None or found.loader is None:
            raise InputError(f"{path}: cannot be read as Python.")
        module = importlib.util.module_from_spec(found)
        before = sys.modules.pop(name, None)
        sys.modules[name] = module
        _look_in(path.parent)
        try:
            called(partial(found.loader.exec_module, module), place, path)
        except BaseException:
            del sys.modules[name]
            if before is not None:
                sys.modules[name] = before
            raise
        return module

    def _named(self, place: str) -> ModuleType:
        if not all(part.isidentifier() for part in place.split(".")):
            raise InputError(
                f"'{place}' is neither a Python file nor a module. Write script.py:NAME or "
                "package.module:NAME."
            )
        _look_in(self.folder.resolve())
        try:
            return importlib.import_module(place)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's code may raise anything
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if missing is not None and f"{place}.".startswith(f"{missing}."):
                raise InputError(
                    f"There is no module '{missing}' (for {place}). Install it, or write the "
                    "path of a file: script.py:NAME."
                ) from None
            raise _raised(error, place, None) from None


def called(function: Callable[[], Any], place: str, path: Path | None) -> Any:
    """What a user's function gives.

    Raises:
        InputError: it raised; with the line of the file in which it did.
    """
    try:
        return function()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's code may raise anything
        raise _raised(error, place, path) from None


def pipeline_in(thing: Any, spec: str, path: Path | None) -> Pipeline:
    """The pipeline that a thing of a script is, or gives when it is called.

    Raises:
        InputError: it is and gives none.
    """
    place = spec.rpartition(":")[0]
    if not isinstance(thing, Chainable) and callable(thing):
        thing = called(thing, place, path)
    if isinstance(thing, Pipeline):
        return thing
    if isinstance(thing, Chainable):
        return Pipeline(called(thing.as_parts, place, path))
    if hasattr(thing, "close") and hasattr(thing, "cr_frame"):
        thing.close()
    raise InputError(
        f"{spec} is {type(thing).__name__} and no pipeline. Name a pipeline, a step, or a function "
        "without arguments that returns one."
    )


def step_maker_in(thing: Any, spec: str) -> StepMaker:
    """The maker of steps that a thing of a script is.

    Raises:
        InputError: it is none.
    """
    if isinstance(thing, StepMaker):
        return thing
    if callable(thing):
        raise InputError(
            f"{spec} is a function and no step. Write @step above it (from evolsynth.pipeline "
            "import step)."
        )
    raise InputError(f"{spec} is {type(thing).__name__} and no step. Name a function with @step.")


def _look_in(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()


def _no_such(place: str, name: str, found: list[str], what: str) -> str:
    told = f"{place} has no '{name}'." if name else f"{place}: of what is in it, say what is meant."
    if (near := nearest(name, found)) is not None:
        return f"{told} Did you mean {place}:{near}?"
    its = f"Its {what}: {', '.join(f'{place}:{one}' for one in found)}."
    return f"{told} {its if found else f'There are no {what} in it.'}"


def _raised(error: BaseException, place: str, path: Path | None) -> EvolsynthError:
    """The error with the last line of the file that it went through, and no traceback."""
    file = str(path or getattr(sys.modules.get(place), "__file__", None))
    if isinstance(error, SyntaxError) and path is not None and error.filename == file:
        line = error.lineno
    else:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == file), None)
    where = f"{place}, line {line}" if line is not None else place
    if isinstance(error, EvolsynthError):
        kind = SetupError if isinstance(error, SetupError) else InputError
        return kind(f"{where}: {error}")
    if isinstance(error, SystemExit):
        return InputError(f"{where}: it ended Python (sys.exit). Leave that out of the file.")
    said = error.msg if isinstance(error, SyntaxError) else str(error).strip().partition("\n")[0]
    told = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return InputError(f"{where}: {told}. Mend it, and run again.")
