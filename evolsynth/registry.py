"""Things found by a name: methods, checks, back ends, formats; ours, and those of other packages.

A registry looks through every module of one package of ours, in alphabetical order, and then asks
for the entry points of a group, which is how another package adds a thing::

    [project.entry-points."evolsynth.methods"]
    haiku = "my_package.haiku"

Looking through a module is importing it: a decorator in it registers what it decorates. So a new
thing is one file, and no list of names has to be kept.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import threading
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from evolsynth.errors import InputError, SetupError, did_you_mean

__all__ = ["Registry", "summary"]

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Names and things; a name asks for no more modules than it needs.

    Args:
        what: what a thing is, for messages ("method").
        package: ours, whose modules are looked through; a name that one of its modules has is
            looked for there first.
        group: of the entry points; each names a module to import.
    """

    def __init__(self, what: str, package: str, group: str) -> None:
        self._what, self._package, self._group = what, package, group
        self._things: dict[str, T] = {}
        self._homes: dict[str, str] = {}
        self._whole = False
        # A second thread waits until the first has looked; the one that looks may ask in between.
        self._looking = threading.RLock()

    def register(self, name: str, thing: T, home: str) -> None:
        """Add a thing, defined in the module ``home``.

        Raises:
            InputError: another module has registered that name.
        """
        if self._homes.get(name, home) != home:
            raise InputError(
                f"There are two {self._what}s called '{name}', in {self._homes[name]} and in "
                f"{home}. Rename one of them."
            )
        self._things[name], self._homes[name] = thing, home

    def find(self, name: str) -> T | None:
        """The thing of this name, or None."""
        if name in self._things:
            return self._things[name]
        with self._looking:
            if name not in self._things and not self._whole:
                place = f"{self._package}.{name}"
                if name.isidentifier() and _is_module(place):
                    importlib.import_module(place)
                if name not in self._things:
                    self._look_everywhere()
            return self._things.get(name)

    def __getitem__(self, name: str) -> T:
        """The thing of this name.

        Raises:
            InputError: there is none; the message names the likeliest.
        """
        thing = self.find(name)
        if thing is None:
            raise InputError(f"There is no {self._what} '{name}'. {did_you_mean(name, self)}")
        return thing

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.find(name) is not None

    def __iter__(self) -> Iterator[str]:
        self._look_everywhere()
        return iter(self._things)

    def __len__(self) -> int:
        self._look_everywhere()
        return len(self._things)

    def _look_everywhere(self) -> None:
        """Import all modules that there are, ours first; then the order is the same always."""
        with self._looking:
            if not self._whole:
                self._whole = True
                self._look()

    def _look(self) -> None:
        from importlib.metadata import entry_points  # 30 ms

        parent = importlib.import_module(self._package)
        for module in sorted(pkgutil.iter_modules(parent.__path__), key=lambda m: m.name):
            importlib.import_module(f"{self._package}.{module.name}")
        for point in sorted(entry_points(group=self._group), key=lambda p: p.name):
            try:
                point.load()
            except InputError:
                raise
            except Exception as error:
                raise SetupError(
                    f"The {self._what} '{point.name}' of {point.value} cannot be loaded: "
                    f"{type(error).__name__}: {error}. Mend that package, or uninstall it."
                ) from error
        ours = [n for n in self._things if self._homes[n].startswith(f"{self._package}.")]
        rest = [n for n in self._things if n not in ours]
        self._things = {name: self._things[name] for name in (*sorted(ours), *rest)}


def summary(doc: str | None) -> str:
    """A docstring's first paragraph: what a thing is, as help texts and the schema tell it."""
    text = " ".join((doc or "").strip().partition("\n\n")[0].split()).replace("``", "`")
    return text[:1].upper() + text[1:]


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
