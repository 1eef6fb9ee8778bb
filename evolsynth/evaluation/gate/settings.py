"""What the gate asks of a row: every threshold in one place, changeable by a YAML file.

The thresholds are those that the checks declare, of this package and of others.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, get_args

import msgspec

from evolsynth.errors import InputError, SetupError
from evolsynth.evaluation.gate.check import CHECKS, ordered
from evolsynth.evaluation.text.language import LANGUAGES
from evolsynth.options import Option
from evolsynth.rows import TIERS, Tier

__all__ = ["GateSettings", "Threshold", "thresholds"]


class Threshold(NamedTuple):
    """A threshold for people: its field, its finding, its meaning, its type, its default, its
    range."""

    name: str
    code: str
    meaning: str
    kind: type
    default: Any
    range: msgspec.Meta

    def ends(self) -> list[tuple[str, str, float]]:
        """For each end of the range: its name in JSON schema, in words, and it."""
        named = (
            ("exclusiveMinimum", "above", self.range.gt),
            ("minimum", "at least", self.range.ge),
            ("maximum", "at most", self.range.le),
            ("exclusiveMaximum", "below", self.range.lt),
        )
        return [(name, word, end) for name, word, end in named if end is not None]

    def told(self) -> str:
        """Its range in words, and empty where it has none."""
        return " and ".join(f"{word} {end:.10g}" for _, word, end in self.ends())

    def schema(self) -> dict[str, Any]:
        """What JSON schema says of it: its range and its meaning."""
        return {**{name: end for name, _, end in self.ends()}, "description": self.meaning}

    def holds(self, value: float) -> bool:
        """Whether a value is in its range."""
        meta = self.range
        return (
            (meta.gt is None or value > meta.gt)
            and (meta.ge is None or value >= meta.ge)
            and (meta.le is None or value <= meta.le)
            and (meta.lt is None or value < meta.lt)
        )


@cache
def thresholds() -> tuple[Threshold, ...]:
    """Those of all checks, in the order of `ordered`; one that two checks share once."""
    found = (
        _threshold(check.name, option)
        for check in ordered()
        for option in check.thresholds.values()
    )
    return tuple({threshold.name: threshold for threshold in found}.values())


def _threshold(code: str, option: Option) -> Threshold:
    kind, *metas = get_args(option.kind) or (option.kind,)
    ranges = [meta for meta in metas if isinstance(meta, msgspec.Meta)] or [msgspec.Meta()]
    return Threshold(option.name, code, option.text, kind, option.default, ranges[0])


class _Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of a row beside the thresholds."""

    skip: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    language: str = ""
    instruction_language: str = ""
    least_tier: Tier = "unverified"

    def __post_init__(self) -> None:
        for field, names in (("skip", self.skip), ("also", self.also)):
            for name in names:
                if name not in CHECKS:
                    raise InputError(
                        f"{field}: there is no check '{name}'. `evolsynth gates` lists those "
                        "there are."
                    )
        optional = {check.name for check in CHECKS.values() if check.optional}
        for name in self.also:
            if name not in optional:
                raise InputError(
                    f"also: '{name}' is made without being asked for. Only "
                    f"{', '.join(sorted(optional))} can be switched on."
                )
        if self.language and self.language not in LANGUAGES:
            raise InputError(
                f"language is '{self.language}': it must be one of {', '.join(LANGUAGES)}, or "
                "empty for that of the instruction."
            )
        if self.instruction_language and self.instruction_language not in LANGUAGES:
            raise InputError(
                f"instruction_language is '{self.instruction_language}': it must be one of "
                f"{', '.join(LANGUAGES)}, or empty for any."
            )
        for threshold in thresholds():
            value = getattr(self, threshold.name)
            if not threshold.holds(value):
                raise InputError(f"{threshold.name} is {value}: it must be {threshold.told()}.")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Settings from a YAML file.

        Raises:
            InputError: the file cannot be read, is no YAML, or has a field that cannot be.
            SetupError: PyYAML is not installed.
        """
        place = Path(path)
        try:
            import yaml
        except ImportError:
            raise SetupError(
                "Settings in YAML need PyYAML. Install it: pip install pyyaml"
            ) from None
        try:
            content = yaml.safe_load(place.read_text(encoding="utf-8"))
            return msgspec.convert({} if content is None else content, cls)
        except OSError as error:
            raise InputError(f"{place}: cannot be read ({error.strerror}).") from None
        except UnicodeDecodeError:
            raise InputError(f"{place}: the file is not UTF-8 text.") from None
        except RecursionError:
            raise InputError(f"{place}: nested too deeply. Write it flatter.") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f", line {mark.line + 1}" if mark is not None else ""
            what = getattr(error, "problem", None) or "it cannot be parsed"
            raise InputError(f"{place}{where}: not YAML ({what}).") from None
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        except msgspec.ValidationError as error:
            raise InputError(
                f"{place}: {error}. `evolsynth gates --yaml` prints a file to start from."
            ) from None

    def to_yaml(self) -> str:
        """A file with every field, its meaning and its value."""
        lines = ["# What the gate asks of a row. Fields that are left out keep their defaults."]
        for threshold in thresholds():
            value = getattr(self, threshold.name)
            lines += [f"# {threshold.meaning}", f"{threshold.name}: {value}"]
        lines += [
            f"# The language of all responses: {', '.join(LANGUAGES)}; empty: the instruction's.",
            f'language: "{self.language}"',
            "# The language of all instructions, of the same; empty: any.",
            f'instruction_language: "{self.instruction_language}"',
            f"# The least that a response may stand on: {', '.join(TIERS)}.",
            f"least_tier: {self.least_tier}",
            "# Checks that are not made, by their names.",
            f"skip: [{', '.join(self.skip)}]",
            "# Optional checks to make too, of: "
            f"{', '.join(check.name for check in ordered() if check.optional)}.",
            f"also: [{', '.join(self.also)}]",
        ]
        return "\n".join(lines) + "\n"


_ABOUT = """What the gate asks of a row; a field that is left out keeps its default.

Thresholds; checks to ``skip``, and optional ones to make ``also``, by their names; and the
``language`` that responses must be in (empty: that of the instruction), and the
``instruction_language`` of instructions (empty: any); and the ``least_tier`` of responses.
"""

if TYPE_CHECKING:

    class GateSettings(_Settings, frozen=True):
        """Thresholds, as the checks declare them, and what to skip; see `thresholds`."""

        def __init__(
            self,
            *,
            skip: tuple[str, ...] = (),
            also: tuple[str, ...] = (),
            language: str = "",
            instruction_language: str = "",
            least_tier: Tier = "unverified",
            **values: float,
        ) -> None: ...

        def __getattr__(self, name: str) -> Any: ...

else:
    GateSettings = msgspec.defstruct(
        "GateSettings",
        [(one.name, one.kind, one.default) for one in thresholds()],
        bases=(_Settings,),
        module=__name__,
        namespace={"__doc__": _ABOUT},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
