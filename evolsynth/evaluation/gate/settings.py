"""What the gate asks of a row: every threshold in one place, changeable by a YAML file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from evolsynth.errors import InputError, SetupError
from evolsynth.evaluation.gate.checks.degenerate import MAX_WORDS, MIN_WORDS, REFUSAL_WORDS
from evolsynth.evaluation.gate.checks.evolution import LIMIT_SLACK
from evolsynth.evaluation.gate.checks.response import COPIED_WORDS, NEW_WORDS, TAIL_WORDS
from evolsynth.evaluation.gate.checks.role import SUBSTANCE_WORDS, WIDE_WORDS
from evolsynth.evaluation.gate.registry import CHECKS, known
from evolsynth.evaluation.text.language import LANGUAGES

__all__ = ["THRESHOLDS", "GateSettings", "Threshold"]


class Threshold(NamedTuple):
    """A threshold for people: its field, its finding, its meaning, its highest value."""

    name: str
    code: str
    meaning: str
    most: float


class GateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds; checks to ``skip``, and optional ones to make ``also``, by their names; and the
    ``language`` that responses must be in (empty: that of the instruction), and the
    ``instruction_language`` of instructions (empty: any).

    ``THRESHOLDS`` says what each field means. A field that is left out keeps its default.
    """

    skip: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    language: str = ""
    instruction_language: str = ""
    near_duplicate: float = 0.9
    information_loss: float = 0.5
    good_evolution: float = 0.55
    min_words: int = MIN_WORDS
    max_instruction_words: int = MAX_WORDS["instruction"]
    max_response_words: int = MAX_WORDS["response"]
    refusal_words: int = REFUSAL_WORDS
    substance_words: int = SUBSTANCE_WORDS
    thin_answer_words: int = WIDE_WORDS
    limit_slack: float = LIMIT_SLACK
    copied_words: int = COPIED_WORDS
    new_words: int = NEW_WORDS
    tail_words: int = TAIL_WORDS
    max_ifd: float = 1.0

    def __post_init__(self) -> None:
        for field, names in (("skip", self.skip), ("also", self.also)):
            for name in names:
                if not known(name):
                    raise InputError(
                        f"{field}: there is no check '{name}'. `evolsynth gates` lists those "
                        "there are."
                    )
        optional = {check.name for check in CHECKS if check.optional}
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
        lines += [
            f"# The language of all responses: {', '.join(LANGUAGES)}; empty: the instruction's.",
            f'language: "{self.language}"',
            "# The language of all instructions, of the same; empty: any.",
            f'instruction_language: "{self.instruction_language}"',
            "# Checks that are not made, by their names.",
            f"skip: [{', '.join(self.skip)}]",
            "# Optional checks to make too, of: "
            f"{', '.join(check.name for check in CHECKS if check.optional)}.",
            f"also: [{', '.join(self.also)}]",
        ]
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
    Threshold("refusal_words", "refusal", "Words from which on it is more than a refusal.", 10**6),
    Threshold(
        "substance_words",
        "no_answer",
        "Words beside offers and questions that make an answer.",
        1000,
    ),
    Threshold(
        "thin_answer_words", "thin_answer", "Words that the answer to a wide request has.", 1000
    ),
    Threshold("limit_slack", "breaks_limit", "How many times a stated limit is let pass.", 100),
    Threshold("copied_words", "copies_question", "Words from which on a copy is told.", 1000),
    Threshold(
        "new_words",
        "copies_question",
        "Words of content beside the copy that make an answer.",
        1000,
    ),
    Threshold("tail_words", "broken_off", "Words of the unfinished sentence at least.", 1000),
    Threshold("max_ifd", "high_ifd", "IFD above which the two do not belong together.", 1000),
)
