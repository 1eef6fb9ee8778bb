"""Images, sounds and other bytes in records, which rows have no place for: left out by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evolsynth.inputs import INPUTS
from evolsynth.plain import LEVELS
from evolsynth.rows import Row

__all__ = ["is_media", "said_of", "without_media"]

_OWN = frozenset((*Row.__struct_fields__, *INPUTS))
#: Packages whose objects are images, sounds and films.
_OF_MEDIA = ("PIL", "torchcodec", "datasets")


def is_media(value: object) -> bool:
    """Whether a value is an image, a sound or bytes: as bytes, as an object of Pillow, or as the
    ``datasets`` package has them, ``{bytes, path}`` and ``{array, sampling_rate}``."""
    if isinstance(value, bytes | bytearray | memoryview):
        return True
    if isinstance(value, Mapping):
        return value.keys() == {"bytes", "path"} or {"array", "sampling_rate"} <= value.keys()
    return type(value).__module__.partition(".")[0] in _OF_MEDIA


def without_media(item: Mapping[Any, Any]) -> tuple[dict[Any, Any], list[str]]:
    """A record without what holds images and sounds, and the names of that.

    It is a column as a whole, and in a conversation the key of a part. What a row itself has stays,
    since nothing else can stand for its instruction.
    """
    kept: dict[Any, Any] = {}
    names: dict[str, None] = {}
    for name, value in item.items():
        if _is_talk(value):
            inner: dict[str, None] = {}
            kept[name] = _pruned(value, inner, LEVELS)
            names.update((f"{key} in {name}", None) for key in inner)
        elif name not in _OWN and _holds(value, LEVELS):
            names[str(name)] = None
        else:
            kept[name] = value
    return kept, list(names)


def said_of(names: list[str]) -> str:
    """What to say of columns that are left out."""
    hold = "hold" if len(names) > 1 else "holds"
    return f"without {', '.join(names)}, which {hold} bytes and no text."


def _is_talk(value: object) -> bool:
    """Whether it is a list of turns."""
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(turn, Mapping) and ("role" in turn or "from" in turn) for turn in value)


def _holds(value: object, levels: int) -> bool:
    if is_media(value):
        return True
    return levels > 0 and any(_holds(inner, levels - 1) for inner in _inside(value))


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _pruned(value: Any, names: dict[str, None], levels: int, key: str = "bytes") -> Any:
    """The value without media at any depth; the keys that these stood under are noted."""
    if not levels:
        return value
    if isinstance(value, Mapping):
        names.update((str(k), None) for k, inner in value.items() if is_media(inner))
        return {
            k: _pruned(inner, names, levels - 1, str(k))
            for k, inner in value.items()
            if not is_media(inner)
        }
    if isinstance(value, list | tuple):
        if any(is_media(inner) for inner in value):
            names[key] = None
        return [_pruned(one, names, levels - 1, key) for one in value if not is_media(one)]
    return value
