"""if-verifiable's verifiers of IFEval and IFBench, without what only its own programs need.

The package loads ``datasets`` when it is imported, and IFBench's part asks a server for nltk's
data. Neither is needed to verify: only the two registries are imported. Sentences, which they split
with nltk's Punkt, are split by nupunkt, which carries its own data. What needs other data of nltk
(a tagger, a list of stop words) cannot be verified where that is not installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from evolsynth.data.files import read_objects
from evolsynth.errors import InputError, SetupError

__all__ = ["Asked", "check", "judgeable", "read_prompts", "registry", "verifier"]

_PACKAGE = "if_verifiable"
_PARTS = ("ifeval", "ifbench")


@cache
def registry() -> Mapping[str, Any]:
    """The verifiers' classes, by id.

    Raises:
        SetupError: if-verifiable, or what its verifiers need, is not installed.
    """
    try:
        import langdetect
        import nltk
        import nupunkt
        from nltk.tokenize import NLTKWordTokenizer
    except ImportError as error:
        raise _missing(str(error)) from None
    langdetect.DetectorFactory.seed = 0  # it draws otherwise
    words = NLTKWordTokenizer()

    def word_tokenize(text: str) -> list[str]:
        return [word for one in nupunkt.sent_tokenize(text) for word in words.tokenize(one)]

    nltk.word_tokenize = word_tokenize
    splitter = types.SimpleNamespace(tokenize=nupunkt.sent_tokenize)
    _stand_in()
    found: dict[str, Any] = {}
    download, nltk.download = nltk.download, lambda *_, **__: False
    try:
        for part in _PARTS:
            module = importlib.import_module(f"{_PACKAGE}.{part}.instructions_registry")
            inside: Any = importlib.import_module(f"{_PACKAGE}.{part}.instructions_util")
            inside._get_sentence_tokenizer = lambda: splitter
            found |= module.INSTRUCTION_DICT
        first: Any = importlib.import_module(f"{_PACKAGE}.ifeval.instructions")
        found["multi-turn:constrained_start"] = first.ConstrainedStartChecker  # left out there
    except ImportError as error:
        raise _missing(str(error)) from None
    finally:
        nltk.download = download
    return found


def _stand_in() -> None:
    """Put an empty module in the package's place, so that its own is not run."""
    if _PACKAGE in sys.modules:
        return
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise _missing(f"No module named '{_PACKAGE}'")
    module = types.ModuleType(_PACKAGE)
    module.__path__ = list(spec.submodule_search_locations)
    sys.modules[_PACKAGE] = module


def _missing(why: str) -> SetupError:
    return SetupError(
        f"The verifiers cannot be loaded ({why}). "
        'Install them with: pip install "evolsynth[tuning]"'
    )


def verifier(name: str, values: Mapping[str, Any], *, prompt: str) -> Any:
    """A verifier with its values, those that are null left out.

    Raises:
        InputError: there is no such id, or it does not take these values.
        SetupError: see `registry`.
    """
    kind = registry().get(name)
    if kind is None:
        raise InputError(f"there is no verifier '{name}'")
    one = kind(name)
    try:
        one.build_description(**{key: value for key, value in values.items() if value is not None})
        asked = one.get_instruction_args()
        if asked and "prompt" in asked:
            one.build_description(prompt=prompt)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"the verifier '{name}' does not take its values ({error})") from None
    return one


def check(
    response: str, names: Sequence[str], values: Sequence[Mapping[str, Any]], *, prompt: str
) -> tuple[bool, ...]:
    """Whether a response meets each demand, strictly: as it stands.

    Raises:
        InputError, SetupError: see `verifier`.
        LookupError: nltk's data, without which one cannot tell, is not there.
    """
    ones = [verifier(name, own, prompt=prompt) for name, own in zip(names, values, strict=True)]
    if not response.strip():
        return (False,) * len(ones)
    return tuple(_met(one, response) for one in ones)


def _met(one: Any, response: str) -> bool:
    try:
        return bool(one.check_following(response))
    except LookupError as error:
        if "nltk" in str(error).lower():
            raise
        return False  # a list of the answer's that is too short, say
    except Exception:  # noqa: BLE001 - theirs; an answer that it cannot read does not meet it
        return False


# Prompts ------------------------------------------------------------------------------------------


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt in IFEval's form: what is demanded, and the values of each demand."""

    key: int | str
    prompt: str
    instruction_id_list: tuple[str, ...]
    kwargs: tuple[dict[str, Any], ...]

    def met(self, response: str) -> tuple[bool, ...]:
        """Whether a response meets each demand."""
        return check(response, self.instruction_id_list, self.kwargs, prompt=self.prompt)


def read_prompts(path: Path) -> list[Asked]:
    """Prompts of a JSON Lines file.

    Raises:
        InputError: the file, a line of it or a demand is not as it should be, or there are none.
        SetupError: see `evals.verifiers.registry`.
    """
    found: dict[int | str, Asked] = {}
    for number, data in read_objects(path):
        place = f"{path}, line {number}"
        known = {name: data[name] for name in Asked.__struct_fields__ if name in data}
        try:
            asked = msgspec.convert(known, Asked)
        except msgspec.ValidationError as error:
            raise InputError(f"{place}: {error}. Give IFEval's form.") from None
        if asked.key in found:
            raise InputError(f"{place}: the key {asked.key!r} is there twice. Give each its own.")
        if not asked.instruction_id_list or len(asked.instruction_id_list) != len(asked.kwargs):
            raise InputError(
                f"{place}: {len(asked.instruction_id_list)} demands and {len(asked.kwargs)} "
                "kwargs. Give as many of the one as of the other, and one at least."
            )
        for name, values in zip(asked.instruction_id_list, asked.kwargs, strict=True):
            try:
                verifier(name, values, prompt=asked.prompt)
            except InputError as error:
                raise InputError(f"{place}: {error}.") from None
        found[asked.key] = asked
    if not found:
        raise InputError(f"{path}: there are no prompts in it.")
    return list(found.values())


def judgeable(prompts: Sequence[Asked]) -> tuple[list[Asked], list[str]]:
    """The prompts whose demands can all be verified here, and the ids that cannot be: they need
    nltk's data, which is not installed.

    Raises:
        InputError: none is left.
    """
    told: list[str] = []
    for name in sorted({name for asked in prompts for name in asked.instruction_id_list}):
        one = registry()[name](name)
        try:
            one.build_description()
            one.check_following("A sentence with some words. And a second one, to see.")
        except LookupError as error:
            if "nltk" in str(error).lower():
                told.append(name)
        except Exception:  # noqa: BLE001, S112 - theirs: it wants values, and needs no data before
            continue
    left = [asked for asked in prompts if not set(told) & set(asked.instruction_id_list)]
    if not left:
        raise InputError(f"No prompt can be verified here: {', '.join(told)} need nltk's data.")
    return left, told
