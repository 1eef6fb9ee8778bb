"""What can be said against a task and its instances, in the manner of Self-Instruct.

Wang et al., "Self-Instruct: Aligning Language Models with Self-Generated Instructions", arXiv
2212.10560, sections 2.2 and 2.3, and the filters of its authors' code. A task is an instruction
that may need an input; an instance is an input (or none) and an output.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolsynth.evaluation.gate.check import CHECKS, Case, Part, findings
from evolsynth.evaluation.gate.checks.instruction import pointed_at
from evolsynth.evaluation.gate.checks.text import example_leak
from evolsynth.evaluation.text.numbers import COUNTS
from evolsynth.evaluation.text.words import COMMON, content, plain, words
from evolsynth.findings import Finding, reason
from evolsynth.rows import Row

__all__ = [
    "MAX_TASK_WORDS",
    "MIN_TASK_WORDS",
    "SAME_WORDING",
    "asks_for_label",
    "conflicting_outputs",
    "degenerate",
    "doubled",
    "input_findings",
    "list_findings",
    "missing_input",
    "off_subject",
    "personal",
    "stray_answer",
    "task_findings",
]

reason(
    "same_wording",
    "Its words come in nearly the same order as those of an earlier task.",
    "Give more seed tasks or subjects, raise the temperature, or raise most_similar.",
)
reason(
    "not_for_text",
    "It needs a picture, a sound, a file or a program, not a text.",
    "Give seed tasks that only need text, or name such subjects.",
)
reason(
    "off_subject",
    "It is not about the subject that it was asked to be about.",
    "Raise the candidates, or name subjects that the model knows.",
)
reason(
    "wrong_count",
    "The list has more or fewer items than were asked for.",
    "Ask for fewer items, or take a larger model.",
)
reason(
    "wrong_label",
    "The input does not seem to have the label that is given as its output.",
    "Take a larger model for classification tasks, or labels that differ more.",
)
reason(
    "input_is_output",
    "The output says the same as the input.",
    "Raise the temperature, or the candidates, of the step that writes inputs.",
)
reason(
    "conflicting_outputs",
    "The same input has different outputs, and none is known to be right.",
    "Ask for fewer instances of a task, or lower the outputs' temperature.",
)

#: The paper's own bounds: three words or fewer and more than 150 are dropped.
MIN_TASK_WORDS, MAX_TASK_WORDS = 4, 150
#: The paper's bound of ROUGE-L F1: a task as near as this to an earlier one is not new.
SAME_WORDING = 0.7

# What the authors' code drops, and what Alpaca's adds, but for "music", which can be written about.
_NOT_TEXT = re.compile(
    r"\b(?:images?|graphs?|pictures?|files?|maps?|draw|plot|go to|videos?|audio|flowcharts?|"
    r"diagrams?)\b|\A(?:write|create) (?:a |the )?(?:\w+ )?(?:program|code)\b",
    re.I,
)
_PERSONAL = re.compile(
    r"\byour (?!own words|answers?\b|repl(?:y|ies)\b|response|explanation)|\byours(?:elf)?\b"
    r"|\bmyself\b|(?<!when )(?<!if )(?<!before )(?<!after )(?<!while )(?<!once )"
    r"\b(?<!can )(?<!could )(?<!would )you\b"
    r"|\b(?:when|if|before|after|while|once) you(?:'re|'ll|'d|'ve| (?:are|were|will|had|have|"
    r"would|did|just|saw|felt))\b"
    r"|\b(?:can|could|would) you (?!explain|describe|tell|give|name|list|help|write|suggest|show|"
    r"please|recommend)",
    re.I,
)
_LABEL = re.compile(
    r"\A\W*(?:(?:please )?(?:decide|say|state|judge|determine|tell me|check|identify|find out|"
    r"indicate) (?:if|whether)\b|classify\b|categori[sz]e\b|label\b"
    r"|(?:is|does|are) (?:the|this|it)\b.*\bor\b|sort the \w+ into\b"
    r"|(?:what|which) (?:category|class|label|genre|sentiment|mood|season|language|type|kind)\b.*"
    r"\b(?:sentence|text|message|passage|review|description|article|fit|belong|is this)"
    r"|(?:pick|choose|select) (?:the|one)\b.*(?::|\bfrom\b))"
    r"|\byes or no\b|\btrue or false\b|\bpositive(?:,| or) negative\b|\banswer with (?:one of|yes)",
    re.I | re.S,
)


_BY_ITSELF: dict[Part, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "instruction": (
        ("template_leak", "repetition", "cut_off", "too_short", "too_long"),
        ("role_confusion", "not_an_instruction"),
    ),
    "response": (
        ("template_leak", "repetition", "cut_off", "too_long"),
        ("refusal", "self_talk"),
    ),
}


def degenerate(
    text: str, *, kind: Part, finish_reason: str | None = None, examples: Sequence[str] = ()
) -> list[Finding]:
    """What the gate's checks of a text find in it, most telling first; empty if nothing is wrong.

    Args:
        kind: ``"instruction"`` or ``"response"``.
        finish_reason: ``"length"`` says that the model was cut off.
        examples: the few-shot examples the model was shown. For an evolution give only what it
            adds (`demand_added`), or its own seed may look like a copy.
    """
    row = Row.make(**{kind: text}, provenance={kind: {"finish_reason": finish_reason}})
    case = Case(row)
    nothing = CHECKS["empty"].find(case, kind)
    if nothing is not None:
        return [nothing]
    first, last = _BY_ITSELF[kind]
    leak = example_leak(case.text, examples)
    return [*findings(case, kind, *first), *filter(None, [leak]), *findings(case, kind, *last)]


def task_findings(
    task: str, *, finish_reason: str | None = None, examples: Sequence[str] = ()
) -> list[Finding]:
    """What is wrong with a task by itself, most telling first.

    ``examples`` are tasks that it must not copy out of. Whether it is new is asked of a
    `RougeIndex`.
    """
    text = plain(task).strip()
    found = degenerate(text, kind="instruction", finish_reason=finish_reason, examples=examples)
    if text and (not text[0].isascii() or not text[0].isalnum()):
        found.append(Finding("not_an_instruction", {"why": "a mark at its beginning"}))
    count = len(words(text))
    if 0 < count < MIN_TASK_WORDS and all(f.code != "too_short" for f in found):
        found.append(Finding("too_short", {"words": count, "least": MIN_TASK_WORDS}))
    if count > MAX_TASK_WORDS and all(f.code != "too_long" for f in found):
        found.append(Finding("too_long", {"words": count, "most": MAX_TASK_WORDS}))
    if (other := _NOT_TEXT.search(text)) is not None:
        found.append(Finding("not_for_text", {"word": other.group()}))
    asked = Case(Row.make(text, provenance={"instruction": {"finish_reason": finish_reason}}))
    return [*found, *findings(asked, "instruction", "unanswerable")]


def personal(task: str) -> Finding | None:
    """Found where a task seems to be about whoever answers it ("your favourite", "you saw").

    For small models: what they write about "you" is seldom a request that can be answered.
    """
    found = _PERSONAL.search(plain(task))
    if found is None:
        return None
    return Finding("unanswerable", {"why": "about who answers", "words": found.group().strip()})


def doubled(task: str) -> Finding | None:
    """Found where a short task has a word of content twice ("gas and gas").

    For small models: with them it is the sign of a lost thread.
    """
    stems = [word.stem for word in content(task)]
    twice = next((word for word in stems if stems.count(word) > 1), None)
    return None if twice is None else Finding("repetition", {"word": twice})


def missing_input(task: str, text: str = "") -> Finding | None:
    """Found where a task without an input speaks of one ("the sentence", "how it works").

    The gate says the same of the task's row.
    """
    said = None if text.strip() else pointed_at(plain(task).strip(), bare=True)
    return None if said is None else Finding("missing_input", {"said": said})


def off_subject(task: str, subject: str) -> Finding | None:
    """Found where no word of the task has the beginning of a word of the subject."""
    here = [word.stem for word in words(task)]
    wanted = [word.stem for word in content(subject)]
    near = any(
        a == b or (min(len(a), len(b)) >= 4 and (a.startswith(b) or b.startswith(a)))
        for a in here
        for b in wanted
    )
    return None if near or not wanted else Finding("off_subject", {"subject": subject})


def asks_for_label(task: str) -> bool:
    """Whether the answer to a task is one of a few labels, by how the task is worded."""
    return bool(_LABEL.search(plain(task).strip()))


def input_findings(text: str, output: str) -> list[Finding]:
    """What is wrong with an instance, apart from what a response's own checks say."""
    found = []
    if not output.strip():
        found.append(Finding("empty", {"part": "response"}))
    for part, said in (("input", text), ("response", output)):
        if said.strip().endswith(":"):
            found.append(Finding("cut_off", {"why": "it ends with a colon", "part": part}))
    if text.strip() and output.strip():
        from evolsynth.evaluation.text.rouge import rouge_l

        score = rouge_l(text, output)
        if text.strip() == output.strip() or score >= SAME_WORDING:
            found.append(Finding("input_is_output", {"rouge_l": round(score, 4)}))
    return found


_ASKS_ITEMS = re.compile(
    r"\A(?:please )?(?:name|list|give|suggest|write|tell me|make a list of|think of)(?: me)? "
    rf"({'|'.join(COUNTS)}|\d{{1,2}}) (?!sentences|words|lines|paragraphs|hundred|minutes)",
    re.I,
)
_ITEM = re.compile(r"^[^\S\n]*(?:\d{1,2}[.)]|[-*•])\s+(.*)$", re.M)


def list_findings(task: str, output: str) -> list[Finding]:
    """What is wrong with a list: another number of items than asked for, or one that comes twice.

    An output without numbers or bullets is not counted.
    """
    items = [item.strip() for item in _ITEM.findall(output)]
    asked, found = _ASKS_ITEMS.search(plain(task).strip()), []
    if asked is not None and items:
        count = COUNTS.get(asked[1].lower()) or int(asked[1])
        numbered = re.findall(r"^[^\S\n]*\d{1,2}[.)]", output, re.M)
        if len(numbered or items) != count:
            found.append(Finding("wrong_count", {"items": len(numbered or items), "asked": count}))
    heads = [tuple(word.stem for word in words(item.partition(":")[0])[:6]) for item in items]
    twice = next(
        (item for item, head in zip(items, heads, strict=True) if heads.count(head) > 1), ""
    )
    if twice:
        found.append(Finding("repetition", {"part": "response", "item": twice[:80]}))
    if len(items) == 1 and asked is None:
        found.append(Finding("cut_off", {"part": "response", "why": "a list of one item"}))
    return found


def stray_answer(task: str, output: str) -> Finding | None:
    """Found where an answer in sentences has no word of content of its task.

    For small models; not for lists, which need not say again what they list.
    """
    here = {word.stem for word in content(output)}
    there = {word.stem for word in content(task) if word.lower not in COMMON}
    if not there or here & there or _ITEM.search(output):
        return None
    return Finding("off_subject", {"part": "response", "words": sorted(there)})


def conflicting_outputs(instances: Sequence[tuple[str, str]]) -> Finding | None:
    """Found where two instances (input, output) have one input and different outputs.

    The authors drop the whole task then: it is not known which output is right.
    """
    seen: dict[str, str] = {}
    for text, output in instances:
        if text.strip() and seen.setdefault(text.strip(), output.strip()) != output.strip():
            return Finding("conflicting_outputs", {"input": text.strip()})
    return None
