"""What the gate asks of a row: every threshold in one place, changeable by a YAML file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from evolsynth.errors import InputError, SetupError
from evolsynth.evaluation.findings import EXPLANATIONS

__all__ = ["THRESHOLDS", "GateSettings", "Threshold"]


class Threshold(NamedTuple):
    """A threshold for people: its field, its finding, its meaning, its highest value."""

    name: str
    code: str
    meaning: str
    most: float


class GateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds, and the checks to ``skip`` (by the codes of their findings).

    ``THRESHOLDS`` says what each field means. A field that is left out keeps its default.
    """

    skip: tuple[str, ...] = ()
    near_duplicate: float = 0.9
    information_loss: float = 0.5
    good_evolution: float = 0.65
    min_words: int = 3
    max_instruction_words: int = 800
    max_response_words: int = 2000

    def __post_init__(self) -> None:
        for code in self.skip:
            if code not in EXPLANATIONS:
                raise InputError(
                    f"skip: there is no check '{code}'. `evolsynth gates` lists those there are."
                )
        for threshold in THRESHOLDS:
            value = getattr(self, threshold.name)
            if not 0 < value <= threshold.most:
                raise InputError(
                    f"{threshold.name} is {value}: it must be above 0 and at most {threshold.most}."
                )

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
        for name, _, meaning, _ in THRESHOLDS:
            lines += [f"# {meaning}", f"{name}: {getattr(self, name)}"]
        lines += ["# Checks that are not made, by their codes.", f"skip: [{', '.join(self.skip)}]"]
        return "\n".join(lines) + "\n"


THRESHOLDS = (
    Threshold(
        "near_duplicate",
        "near_duplicate",
        "Cosine from which two texts with the same facts count as one.",
        1,
    ),
    Threshold(
        "information_loss",
        "information_loss",
        "Score of loss, from 0 to 1, from which an evolution is refused.",
        1,
    ),
    Threshold(
        "good_evolution",
        "weak_evolution",
        "Score, from 0 to 1, that an evolution has at least.",
        1,
    ),
    Threshold("min_words", "too_short", "Words that an instruction has at least.", 1000),
    Threshold("max_instruction_words", "too_long", "Words that an instruction has at most.", 10**6),
    Threshold("max_response_words", "too_long", "Words that a response has at most.", 10**6),
)
