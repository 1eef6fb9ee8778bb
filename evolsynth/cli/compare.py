"""``evolsynth compare-systems``: which system prompt keeps Magpie to its subject?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from json import dumps

import msgspec
from rich.console import Console
from rich.table import Table

from evolsynth.atomic import writing
from evolsynth.cli.flags import parsed
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.runs import template_told
from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.measures import rarefied
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.checks.topic import ON_TOPIC, TopicCheck, subject_of
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.llm.backends import DEFAULT_MODEL, open_llm
from evolsynth.llm.base import LLM
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.magpie.steering import SystemPrompts, beginnings, steering_hint
from evolsynth.options import FilePath, Natural, OutputPath, TextOrPath
from evolsynth.pipeline.steps import STEPS

__all__ = ["Compared", "compare", "compare_systems"]

_SHOWN = 48  # characters of a topic in the table


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One system prompt. Of ``drawn`` instructions ``accepted`` passed the gate; ``on_topic`` is
    the share of these that are about ``topic``. ``vendi`` is their effective number at ``size``
    texts, which is the same for all prompts compared."""

    name: str
    system_prompt: str
    topic: str
    drawn: int
    accepted: int
    on_topic: float | None
    size: int
    vendi: float | None
    hint: str | None

    @property
    def useful(self) -> float:
        """Accepted rows on the topic, of all drawn: what counts in the end."""
        return self.accepted * (self.on_topic or 0.0) / self.drawn if self.drawn else 0.0


async def compare(
    prompts: Mapping[str, str],
    llm: LLM,
    embedder: Embedder,
    gate: Gate,
    *,
    n: int,
    seed: int,
    topic: str | None = None,
) -> list[Compared]:
    """Draw ``n`` instructions under each prompt, from equal seeds, and see what came.

    Nothing is sorted out by topic: the prompt alone steers. Without a ``topic`` each prompt is
    compared with what it says of itself.
    """
    named = beginnings(topic, steered=True).about if topic is not None else None
    kept: dict[str, list[str]] = {}
    drawn: dict[str, int] = {}
    for name, text in prompts.items():
        rows = [row async for row in gate.check(magpie(llm, n=n, seed=seed, system_prompt=text))]
        drawn[name] = len(rows)
        kept[name] = [row.instruction or "" for row in rows if row.status == "accepted"]
    size = min(map(len, kept.values()))
    found = []
    for (name, text), texts in zip(prompts.items(), kept.values(), strict=True):
        about = named or subject_of(text)
        check = await asyncio.to_thread(TopicCheck, about, embedder)
        scores = await asyncio.to_thread(check.scores, texts)
        vectors = await asyncio.to_thread(embedder.embed, texts) if size > 1 else None
        found.append(
            Compared(
                name=name,
                system_prompt=text,
                topic=about,
                drawn=drawn[name],
                accepted=len(texts),
                on_topic=sum(s >= ON_TOPIC for s in scores) / len(scores) if scores else None,
                size=size,
                vendi=rarefied(texts, vectors, size)["vendi"] if vectors is not None else None,
                hint=steering_hint(text),
            )
        )
    return found


def _show(console: Console, found: list[Compared]) -> None:
    several = len({one.topic for one in found}) > 1
    table = Table(title=f"System prompts, {found[0].drawn} instructions each", title_justify="left")
    for head in ("name", "accepted", "on topic", "useful", f"Vendi at {found[0].size}"):
        table.add_column(head, justify="left" if head == "name" else "right")
    if several:
        table.add_column("topic")
    for one in sorted(found, key=lambda one: -one.useful):
        topic = one.topic if len(one.topic) <= _SHOWN else f"{one.topic[: _SHOWN - 1]}…"
        table.add_row(
            one.name,
            f"{one.accepted / one.drawn:.0%}" if one.drawn else "-",
            f"{one.on_topic:.0%}" if one.on_topic is not None else "-",
            f"{one.useful:.0%}",
            f"{one.vendi:.1f}" if one.vendi is not None else "-",
            *((topic,) if several else ()),
        )
    console.print(table)
    if not several:
        console.print(f"Topic: {found[0].topic}", highlight=False, markup=False)
    for one in found:
        if one.hint is not None:
            console.print(f"{one.name}: {one.hint}", highlight=False, markup=False)


def compare_systems(
    systems: FilePath,
    *,
    rows: Natural,
    topic: str | None = None,
    language: str = "",
    json: bool = False,
    output: OutputPath | None = None,
    seed: Natural = 7,
    model: TextOrPath | None = None,
    chat_template: TextOrPath | None = None,
) -> int:
    """Compare system prompts for Magpie.

    On-topic share, diversity and yield of N instructions under each.

    Args:
        systems: YAML or JSON with a text for each name.
        rows: instructions under each.
        topic: what the rows should be about (default: what each says of itself).
        language: refuse other rows.
        json: write JSON instead of a table.
        output: where to write JSON.
        seed: the same seed gives the same rows.
        model: a .gguf file, a name of the catalogue, or owner/repository/file.gguf of the hub.
        chat_template: of the model, instead of its own: a name (chatml, gemma, llama3, mistral,
            ...), a .jinja file, a tokenizer_config.json, another .gguf file, or the jinja text.

    Raises:
        InputError: the file cannot be used, or there is nothing to compare.
    """
    if rows < 1:
        raise InputError("-n is 0: nothing can be compared. Give a number from 1, such as 100.")
    prompts = _read(systems)
    # the table is for people, and JSON for whatever reads standard output
    console = Screen(stderr=json, soft_wrap=True, markup=False)

    async def look() -> str:
        embedder = MiniLM()
        llm = open_llm(model or DEFAULT_MODEL, **template_told(chat_template))
        llm.look_ahead()
        async with llm:
            await asyncio.to_thread(embedder.load)
            gate = Gate(embedder, settings=GateSettings(instruction_language=language))
            found = await compare(prompts, llm, embedder, gate, n=rows, seed=seed, topic=topic)
        _show(console, found)
        told = [msgspec.to_builtins(one) | {"useful": one.useful} for one in found]
        return dumps({"prompts": told}, ensure_ascii=False, indent=2)

    text = asyncio.run(look())
    if json or output is not None:
        with writing(output) as write:
            write(text + "\n")
    return 0


def _read(path: str) -> dict[str, str]:
    """The texts by name; those without one are numbered."""
    try:
        choices = SystemPrompts(
            parsed(f"@{path}", STEPS["magpie"].option("system_prompt").kind)
        ).choices
    except InputError as error:
        told = str(error)
        raise InputError(told if told.startswith(path) else f"{path}: {told}") from None
    return {
        choice.key if choice.key is not None else str(number): choice.text
        for number, choice in enumerate(choices, 1)
        if choice.text is not None
    }
