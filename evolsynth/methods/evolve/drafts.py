"""What Evol-Instruct asks a model for: candidates of one evolution, by two families of prompts.

`Classic`, for larger models: they rewrite the request, as in the paper (Xu et al. 2023,
arXiv:2304.12244, section 3.2), with prompts of our own.

`Anchored`, for small models: the request stands, and the model goes on from it. At 135M parameters
a rewrite drops what it was to keep. Here nothing is rewritten: the model sees examples of the
request's own shape, then the request and a connector such as "Also explain why", and writes the
rest of that sentence. Connectors belong to the operations of Evol-Instruct, and are chosen so that
what follows them must add something. Some are closed: they end with a full stop and hold
alternatives in brackets, among which the model chooses, since what it writes freely is a good
demand in one case of four. In-breadth there is nothing to keep: the model goes on with a list of
pairs from one field each.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from evolsynth.llm.base import LLM, Capability, Completion, Request, Sampling
from evolsynth.methods.evolve.request import Anchor, Shape, anchor_of, shape_of
from evolsynth.prompts import PromptFile, load_prompt
from evolsynth.rows import Message, derive_seed

__all__ = ["ANCHORED_SAMPLING", "BREADTH", "CLASSIC_SAMPLING", "IN_DEPTH", "OPERATIONS"]
__all__ += ["Anchored", "Classic", "Draft", "Drafter", "Formed", "Written"]
__all__ += ["anchor_behind"]

#: The operations of the paper (arXiv 2304.12244, section 3.2), under distilabel's names for them.
IN_DEPTH = (
    "constraints",
    "deepening",
    "concretizing",
    "increased_reasoning_steps",
    "complicate_input",
)
BREADTH = "breadth"
OPERATIONS = (*IN_DEPTH, BREADTH)


class Draft(NamedTuple):
    """A request, and how its answer becomes an instruction.

    ``read`` turns a completion into the evolved instruction and the reason why it ended;
    ``told`` goes into the row's provenance.
    """

    operation: str
    file: PromptFile
    request: Request
    read: Callable[[Completion], tuple[str, str]]
    told: Mapping[str, Any] = MappingProxyType({})


class Formed(NamedTuple):
    """The answer to an evolution, made of its parent's by rule: the text, what it was
    ``formed_from``, and the ground that it stands on."""

    response: str
    formed_from: str
    ground: Mapping[str, Any]


class Written(NamedTuple):
    """A candidate that asks no model: its text is there already, and costs nothing. It may have its
    answer, too."""

    operation: str
    text: str
    told: Mapping[str, Any] = MappingProxyType({})
    answer: Formed | None = None


CLASSIC_SAMPLING = Sampling(temperature=0.7, top_k=64, top_p=0.95)

_FRAME = re.compile(r"^\s*-{3,}\s*$", re.M)
_HEADING = re.compile(
    r"\A\W*(?:(?:the |here is the |here's the )?(?:new|rewritten|created|evolved|revised)"
    r" (?:request|prompt|instruction)\W*:)\s*",
    re.I,
)


class Classic(NamedTuple):
    """The classic family; see `Drafter`. ``weights`` say how often each operation is drawn."""

    weights: Mapping[str, float]
    sampling: Sampling
    max_tokens: int = 512

    def drafts(
        self, llm: LLM, instruction: str, *, root: str, number: int, seed: int
    ) -> list[Draft]:
        """``number`` candidates of one operation, which are answers to one prompt."""
        draw = random.Random(seed)  # noqa: S311 - reproducible on purpose
        names = list(self.weights)
        operation = draw.choices(names, weights=[self.weights[name] for name in names])[0]
        file = load_prompt(f"evol_instruct/classic/{operation}")
        question = Message("user", file.part("question", instruction=instruction).strip())
        request = llm.prepared(
            Request(
                messages=(question,),
                seed=0,
                max_tokens=self.max_tokens,
                sampling=self.sampling,
            )
        )
        return _numbered([Draft(operation, file, request, _read)] * number, seed)


def _numbered(drafts: Sequence[Draft], seed: int) -> list[Draft]:
    """The drafts, each with a seed of its own."""
    seeds = (derive_seed(seed, "candidate", "", candidate=i) for i in range(len(drafts)))
    return [
        draft._replace(request=msgspec.structs.replace(draft.request, seed=own))
        for draft, own in zip(drafts, seeds, strict=True)
    ]


def _read(completion: Completion) -> tuple[str, str]:
    """The rewritten request without the frame and the heading that some models repeat."""
    text = _HEADING.sub("", _FRAME.sub("", completion.text).strip()).strip()
    for opening, closing in (('"', '"'), ("“", "”")):
        inner = text[1:-1]
        if text.startswith(opening) and text.endswith(closing) and opening not in inner:
            text = inner.strip()
    return text, completion.finish_reason


#: A demand is short and must fit: drawn closer to the likeliest than an instruction is.
ANCHORED_SAMPLING = Sampling(temperature=0.6, top_k=64, top_p=0.9)

_ROTATIONS = 2
#: Candidates of one open connector: the second costs no reading.
_EACH = 2
#: So high that of a connector's alternatives not only the likeliest are chosen.
_CHOICE = 1.5
_ALTERNATIVES = re.compile(r"\[([^\[\]]+)\]")
_SENTENCE_END = re.compile(r"[.!?](?=[\"')”’]*(?:\s|$))[\"')”’]*")
#: Connectors and requests that set a length: one is enough.
_LENGTH = re.compile(
    r"\b(?:no more than|under|limit|at most|exactly|in|within|up to) (?:the )?"
    r"(?:\d+|one|two|three|four|five|six|ten|a single)\b|\bkeep it under\b|\buse no more than\b"
    r"|\blimit yourself\b|\bone[- ](?:sentence|word|line)\b|\b\d+[- ]word\b",
    re.I,
)
#: Requests that say themselves what the answer must look like, and connectors that say it anew.
_FORM_SET = re.compile(
    r"\b(?:output|respond with|reply with|answer with|return|print|write) "
    r"(?:only |just |the |either )*"
    r"(?:\"|“|true|false|yes|no|positive|negative|\d|numbers?|letter|label|answer|word)"
    r"|\bdirectly\b|\bseparated by\b|\bas an? (?:table|list|json)\b"
    r"|\b(?:one|two|three)[- ](?:sentence|word|line)s?\b"
    r"|\blist of\b|\bresponse should\b|\bin the (?:form|format)\b|<\w+>",
    re.I,
)
_SETS_FORM = re.compile(
    r"^(?:Answer |Present|Arrange|Write your|Structure|Divide|Put the|Also give|Keep it|Give it|"
    r"Repeat|Write it|Sum up|Also sum|State the)"
)
#: Requests that a sentence cannot answer, and connectors that ask for no more.
_OPEN = re.compile(
    r"\b(?:explain|describe|discuss|suggest|detail\w*|story|opinion|why|how (?:do|does|can|would)|"
    r"advice|recommend|each|list|all|steps)\b",
    re.I,
)
_ONE_SENTENCE = re.compile(r"^Answer (?:in|first)")


#: "When camping, how do I ...": what stands before the question itself.
_SCENE = re.compile(
    r"^(?:when|while|before|after|during|in|as|for|at|on|if)\b[^,.?!\n]{1,80}, (?=\w+ )", re.I
)


def _pair(request: str, connector: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(request, re.I), re.compile(connector)


#: Requests, with the demands that they have by now, and connectors that do not go with them.
_CLASHES = (
    (_FORM_SET, _SETS_FORM),
    (_OPEN, _ONE_SENTENCE),
    # asked for already: by or for whom, in steps, with reasons
    _pair(
        r"\bcan follow\b|\bclear to\b|\bas if you were\b"
        r"|\b(?:for|to) (?:an? )?(?:\w+ )?(?:child|children|kids?|beginners?|someone|somebody|"
        r"teenager|grandparent)\b",
        r"can follow|clear to|as if you were|^Write it for|^Adapt it|^Choose with",
    ),
    _pair(
        r"\beach step\b|\bstep[- ]by[- ]step\b|\b(?:two or three|intermediate|reasoning) steps\b"
        r"|\bshow (?:how|your work)\b",
        r"each step|step by step|three steps",
    ),
    _pair(r"\breasons?\b", r"\breasons?\b|why each"),
    # one right answer, no room, nothing to choose, the wrong kind of text
    _pair(r"\b(?:correct|spelling|fix|mistakes?|replace|punctuat\w+|convert)\b", r"versions\b"),
    _pair(
        r"\b(?:one|two|single)(?: \w+)? sentences?\b|\b(?:headline|title|slogan|caption|sign|motto|"
        r"tweet|text message|note|subject line)\b",
        r"^(?:Structure|Divide|Arrange|Put the most)|come back to it|under \[(?:80|100)",
    ),
    _pair(r"\ball\b|\bcategories\b|\b(?:math|solve|calculate)\b", r"that decides it"),
    _pair(r"\b(?:checklist|\w+ list|schedule|recipe|sign)\b", r"clichés|surprising|the best one"),
    _pair(r"\bas short as possible\b", r"\[shorter"),
)


class Anchored(NamedTuple):
    """The small family; see `Drafter`. ``weights`` say how often each operation is drawn."""

    weights: Mapping[str, float]
    sampling: Sampling
    max_tokens: int = 40

    def drafts(
        self, llm: LLM, instruction: str, *, root: str, number: int, seed: int
    ) -> list[Draft]:
        """Candidates of one breadth prompt, or of several connectors: of an open one two."""
        draw = random.Random(seed)  # noqa: S311 - reproducible on purpose
        anchor = anchor_behind(root, instruction)
        # neither a scene before the question nor demands of earlier rounds change its shape
        shape = shape_of(_SCENE.sub("", anchor_of(root).request))
        depth = sum(w for name, w in self.weights.items() if name != BREADTH)
        breadth = self.weights.get(BREADTH, 0.0)
        drafts: list[Draft] = []
        if draw.random() * (depth + breadth) >= breadth:
            closed = Capability.CHOICES in llm.capabilities
            rotation = draw.randrange(_ROTATIONS)  # one, so that the candidates share a beginning
            for operation, connector in self._connectors(anchor, shape, draw, closed=closed):
                draft = self._depth(anchor, shape, operation, connector, rotation)
                drafts += [draft] * (1 if _closed(connector) else _EACH)
                if len(drafts) >= number:
                    break
        if not drafts:
            drafts = [self._breadth(anchor, draw.randrange(_ROTATIONS))] * number
        return _numbered(drafts[:number], seed)

    def _connectors(
        self, anchor: Anchor, shape: Shape, draw: random.Random, *, closed: bool
    ) -> Iterator[tuple[str, str]]:
        """Operations by weight, each with one of its connectors; no connector comes twice."""
        said = f"{anchor.request} {anchor.given}".casefold()
        limited = _LENGTH.search(anchor.request) is not None
        clashes = [clash for found, clash in _CLASHES if found.search(anchor.request)]
        left = {
            operation: [
                c
                for c in connectors
                if _head(c).casefold() not in said
                and not (limited and _LENGTH.search(f"{_plain(c)} 1"))
                and (closed or not _closed(c))
                and not any(clash.search(c) for clash in clashes)
            ]
            for operation, connectors in _connectors_of(shape).items()
            if self.weights.get(operation, 0) > 0
        }
        while open_ := [operation for operation, connectors in left.items() if connectors]:
            operation = draw.choices(open_, weights=[self.weights[name] for name in open_])[0]
            connector = left[operation].pop(draw.randrange(len(left[operation])))
            yield operation, connector

    def _depth(
        self, anchor: Anchor, shape: Shape, operation: str, connector: str, rotation: int
    ) -> Draft:
        file = load_prompt(_name(shape))
        before = anchor.before(connector)
        prefix = file.part("anchor", connector=_head(connector))
        choices = _choices(connector) if _closed(connector) else ()

        def read(completion: Completion) -> tuple[str, str]:
            demand, whole = _first_sentence(completion.text, len(prefix))
            return anchor.with_demand(before, demand), "stop" if whole else "length"

        request = self._request(
            file, prefix, rotation=rotation, given=anchor.shown, instruction=_in_one_line(before)
        )
        request = msgspec.structs.replace(request, keep_prompt=True)  # other connectors may follow
        if choices:
            sampling = msgspec.structs.replace(self.sampling, temperature=_CHOICE)
            request = msgspec.structs.replace(request, choices=choices, sampling=sampling)
        return Draft(operation, file, request, read, {"connector": connector})

    def _breadth(self, anchor: Anchor, rotation: int) -> Draft:
        file = load_prompt("evol_instruct/breadth")

        def read(completion: Completion) -> tuple[str, str]:
            return completion.text.strip(), completion.finish_reason

        request = self._request(
            file,
            file.part("anchor"),
            rotation=rotation,
            instruction=_in_one_line(anchor.before("Then")),
        )
        return Draft(BREADTH, file, request, read)

    def _request(self, file: PromptFile, prefix: str, **variables: object) -> Request:
        return Request(
            prompt=file.render(**variables),
            prefix=prefix,
            seed=0,
            max_tokens=self.max_tokens,
            sampling=self.sampling,
            stop=("\n",),
        )


#: A family of prompts: what it asks for ``number`` candidates of one round, those of one prompt
#: next to each other. ``root`` is what the instruction was before the first round. The drafts
#: depend on the arguments and on nothing else. There may be fewer than ``number`` where a request
#: has no more ways to be evolved, never none.
Drafter = Anchored | Classic


def anchor_behind(root: str, instruction: str) -> Anchor:
    """An evolution taken apart where the first of its originals is: a demand of an earlier round
    ("use the letter x twice") is no word of data that stand behind it."""
    _, gap, given = anchor_of(root)
    if given and instruction.endswith(gap + given):
        return Anchor(instruction[: -len(gap + given)], gap, given)
    if given or instruction == root or not instruction.startswith(root.rstrip(" .?!:;,")):
        return anchor_of(instruction)
    return Anchor(instruction)


@cache
def _connectors_of(shape: Shape) -> Mapping[str, tuple[str, ...]]:
    file = load_prompt(_name(shape))
    return {name: tuple(some) for name, some in file.value("connectors").items()}


def _name(shape: Shape) -> str:
    return f"evol_instruct/anchored/{shape}"


def _closed(connector: str) -> bool:
    return connector.endswith(".")


def _head(connector: str) -> str:
    """What stands before the alternatives."""
    return connector.partition("[")[0].rstrip()


def _plain(connector: str) -> str:
    """A closed connector with its alternatives as words."""
    return _ALTERNATIVES.sub(lambda match: match[1].replace("|", " "), connector)


def _choices(connector: str) -> tuple[str, ...]:
    """What may follow the head of a closed connector: one of each bracket's alternatives."""
    rest = connector[len(_head(connector)) :]
    parts = [part.split("|") for part in _ALTERNATIVES.split(rest)]
    return tuple("".join(chosen) for chosen in product(*parts))


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _first_sentence(text: str, start: int) -> tuple[str, bool]:
    """The text up to the end of the first sentence that ends behind ``start``, if one does."""
    end = _SENTENCE_END.search(text, start)
    return (text[: end.end()] if end else text).strip(), end is not None
