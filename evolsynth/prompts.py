"""Prompt files: all the words that models are asked with live in ``prompts/``, one file a call.

A file is a jinja2 template made of macros. ``shared(...)`` is the part that does not change from
row to row and is prefilled once; ``own(...)`` is the rest; ``anchor(...)``, where there is one, is
what the answer is made to begin with. ``{% set examples = [...] %}`` at the top holds few-shot
examples, so that a check can tell when an answer copies one.

Here too is which family of prompts a model is asked with, and what a row remembers of its asking.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import jinja2
import jinja2.sandbox
import msgspec

from evolsynth.errors import InputError
from evolsynth.evaluation.text.words import word_lists
from evolsynth.llm.base import LLM, Completion, Prompt, Request

__all__ = ["SMALL_MODEL", "PromptFamily", "PromptFile", "filled", "lists_hash", "load_prompt"]
__all__ += ["made_by", "passages_folder", "prompt_family"]
__all__ += ["prompt_hash", "prompt_lists", "prompt_names", "template_hash"]


class PromptFile:
    """One prompt file.

    ``name`` is its path below ``prompts/`` without the ending, ``sha256`` the hash of its text
    (first 16 digits), which rows carry in their provenance.

    Raises:
        InputError: the file does not parse.
    """

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.sha256 = hashlib.sha256(source.encode()).hexdigest()[:16]
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )
        try:
            self._module = environment.from_string(source).make_module({})
        except jinja2.TemplateSyntaxError as error:
            raise InputError(
                f"prompts/{name}.j2, line {error.lineno}: {error.message}. Mend the template."
            ) from None
        except jinja2.TemplateError as error:
            raise InputError(f"prompts/{name}.j2: {error}. Mend the template.") from None
        self.examples: tuple[Mapping[str, str], ...] = tuple(self.value("examples", ()))

    @property
    def example_demands(self) -> tuple[str, ...]:
        """What the few-shot examples of an evolution add."""
        return tuple(example["demand"] for example in self.examples if "demand" in example)

    @property
    def echoes(self) -> tuple[str, ...]:
        """Words of it that an answer should not say again: the ``[echoes]`` of NAME.txt beside
        it, a line each."""
        return _echoes(self.name)

    def value(self, name: str, default: Any = None) -> Any:
        """What the file sets at its top under ``name``."""
        return getattr(self._module, name, default)

    @property
    def provenance(self) -> dict[str, str]:
        """What a row says of the prompt it was made with."""
        return {"prompt": self.name, "prompt_sha256": self.sha256}

    def part(self, name: str, **variables: Any) -> str:
        """One macro's text. The variables are data: what they hold is never rendered.

        Raises:
            InputError: no such macro, or it needs a variable that is not given.
        """
        macro = self.value(name)
        if not isinstance(macro, jinja2.runtime.Macro):
            raise InputError(f"prompts/{self.name}.j2 has no macro '{name}'. Add one.")
        wanted = {k: v for k, v in variables.items() if k in macro.arguments}
        try:
            return str(macro(**wanted))
        except jinja2.TemplateError as error:
            raise InputError(f"prompts/{self.name}.j2, macro '{name}': {error}.") from None

    def render(self, **variables: Any) -> Prompt:
        """The macros ``shared`` and ``own`` as a plain-text prompt with a fixed border."""
        return Prompt.of(self.part("own", **variables), shared=self.part("shared", **variables))


@functools.cache
def _folder() -> Path:
    here = Path(__file__).resolve().parent
    inside, beside = here / "_prompts", here.parent / "prompts"
    return inside if inside.is_dir() else beside


def passages_folder() -> str:
    """The folder of the texts that ship with evolsynth, for its demo."""
    return str(_folder() / "passages")


@functools.cache
def load_prompt(name: str) -> PromptFile:
    """The prompt file ``name``, such as ``"check/loss"``.

    Raises:
        InputError: there is no such file, or it does not parse.
    """
    path = _folder() / f"{name}.j2"
    if not path.is_file():
        known = ", ".join(prompt_names()) or "none: the installation is incomplete"
        raise InputError(f"There is no prompt file '{name}'. There are: {known}.")
    return PromptFile(name, path.read_text(encoding="utf-8"))


@functools.cache
def _echoes(name: str) -> tuple[str, ...]:
    file = _folder() / f"{name}.txt"
    if not file.is_file():
        return ()
    lines = file.read_text(encoding="utf-8").partition("[echoes]\n")[2].splitlines()
    return tuple(line for line in lines if line)


@functools.cache
def prompt_names(method: str = "") -> tuple[str, ...]:
    """The names of all prompt files, or of one method's, in alphabetical order."""
    folder = _folder()
    files = sorted((folder / method).rglob("*.j2"))
    return tuple(file.relative_to(folder).with_suffix("").as_posix() for file in files)


@functools.cache
def prompt_lists(name: str) -> Mapping[str, list[str]]:
    """The lists of ``NAME.txt`` in ``prompts/``, by section: words that a method's own rules know
    because of what its prompts say. They stand beside the prompts, so that who edits one sees them.

    Raises:
        InputError: there is no such file.
    """
    path = _folder() / f"{name}.txt"
    if not path.is_file():
        raise InputError(f"There is no list prompts/{name}.txt. Install the package again.")
    return word_lists(str(path), path.name)


_SLOT = re.compile(r"\{(\w+)\}")


def filled(wording: str, values: Mapping[str, str]) -> str:
    r"""A wording of a list with its slots (``{title}``) filled, and ``\n`` a line break.

    What is filled in is data: slots in it stay as they are.

    Raises:
        KeyError: a slot has no value.
    """
    return _SLOT.sub(lambda slot: values[slot[1]], wording.replace("\\n", "\n"))


def lists_hash(name: str) -> str:
    """The hash of the lists of ``NAME.txt`` in ``prompts/`` (first 16 digits), which rows made of
    them carry.

    Raises:
        InputError: there is no such file.
    """
    text = json.dumps(prompt_lists(name), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


PromptFamily = Literal["small", "classic"]

#: Below so many parameters a model copies long rules instead of keeping them. At 135M they gave
#: nothing usable; sizes between that and this were not measured.
SMALL_MODEL = 1_000_000_000


def prompt_family(llm: LLM, asked: str | None = None) -> PromptFamily:
    """The family asked for, or else the one that suits the model's size.

    ``"small"``: short few-shot lists that the model goes on with, and first words given to it.
    ``"classic"``: rules in a chat turn, as in the papers; also where the size is not known, as
    behind a server. Ask when the back end has been started: before, it may not know its size.

    Raises:
        InputError: there is no family of the name asked for.
    """
    for family in get_args(PromptFamily):
        if asked == family:
            return family  # type: ignore[no-any-return] # get_args tells no types
    if asked is not None:
        raise InputError(f"There are no prompts '{asked}'. Use small or classic, or leave it out.")
    size = llm.parameters
    return "small" if size is not None and size < SMALL_MODEL else "classic"


def made_by(
    llm: LLM,
    request: Request,
    completion: Completion,
    prompt: Mapping[str, str],
    *,
    attempt: int = 0,
) -> dict[str, Any]:
    """All that is needed to make the text again, and nothing that varies from run to run."""
    return {
        **llm.provenance,
        **prompt,
        "sampling": msgspec.to_builtins(request.sampling),
        "max_tokens": request.max_tokens,
        "seed": request.seed,
        "attempt": attempt,
        "finish_reason": completion.finish_reason,
    }


def template_hash(request: Request) -> dict[str, str]:
    """The hash of a prompt that a chat template gave; nothing for a chat without a template."""
    return {} if request.prompt is None else {"template_sha256": prompt_hash(request.prompt)}


def prompt_hash(prompt: Prompt) -> str:
    """The hash of a prompt that comes from a model's own template rather than from a file."""
    return hashlib.sha256(str(prompt).encode("utf-8", "replace")).hexdigest()[:16]
