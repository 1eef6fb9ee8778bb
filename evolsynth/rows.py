"""What flows: a `Row` from method to method, and a `Verdict` on it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, get_args

import msgspec

from evolsynth.atomic import write
from evolsynth.doing import as_html
from evolsynth.errors import InputError
from evolsynth.flat import dump, flat, turn_read, whole
from evolsynth.inputs import holds, input_of, of_task, said_later

__all__ = [
    "TIERS",
    "Failure",
    "Message",
    "Role",
    "Row",
    "Status",
    "Tier",
    "Verdict",
    "derive_seed",
    "dump",
    "write_rows",
]

Status = Literal["pending", "accepted", "rejected", "failed"]
#: What an answer stands on: checks that decide all of it, samples that agree, or nothing.
Tier = Literal["verified", "agreed", "unverified"]
#: All of them, from the most to the least.
TIERS: tuple[Tier, ...] = get_args(Tier)


#: Who speaks in a turn.
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation.

    ``content`` is its text: of a list of parts their texts, of a turn that only calls a tool none.
    ``given`` is the turn as a file has it, where it says more than a role and a text.
    """

    role: Role
    content: str
    given: dict[str, Any] | None = None

    @property
    def whole(self) -> dict[str, Any]:
        """The turn as files have it: with its parts, tool calls and names."""
        return {"role": self.role, "content": self.content} if self.given is None else self.given

    @property
    def speaks(self) -> bool:
        """Whether somebody says something in it: not a call of a tool alone, nor what that gave."""
        return self.role in ("user", "assistant") and (bool(self.content) or self.given is None)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row could not be finished: an error of the back end, never a judgement of the text."""

    step: str
    error: str
    message: str
    attempt: int = 0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The gate's answer.

    ``reasons`` are short stable codes, most important first (``"near_duplicate"``); ``details``
    maps a code to what was found (the twin's id, the lost spans with their places). ``task`` is the
    kind of task that the instruction sets; ``tier`` what the response stands on, None where there
    is none or nobody looked, and ``stands_on`` the names of what was checked and holds
    (``"demand:words_at_most"``).
    """

    accepted: bool
    reasons: tuple[str, ...] = ()
    details: dict[str, Any] = {}
    task: str | None = None
    tier: Tier | None = None
    stands_on: tuple[str, ...] = ()

    _repr_html_ = as_html


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One example on its way into a data set. Immutable: steps make changed copies.

    ``id`` is derived from the content and the place in the plan, so it is the same in every run
    with the same seed. ``round`` counts evolutions (0: not evolved); ``parents`` are the ids of
    the rows that this one was made from. ``provenance`` says how to make it again: model, prompt
    file and hash, sampling, seed, attempt. Fields of an input file that are not named here are
    carried in ``extra`` and written back as they were.
    """

    id: str
    instruction: str | None = None
    response: str | None = None
    messages: tuple[Message, ...] = ()
    system: str | None = None
    method: str = "input"
    round: int = 0
    parents: tuple[str, ...] = ()
    scores: dict[str, float] = {}
    verdict: Verdict | None = None
    failure: Failure | None = None
    provenance: dict[str, Any] = {}
    extra: dict[str, Any] = {}

    @classmethod
    def make(cls, instruction: str | None = None, *, key: str = "", **fields: Any) -> Self:
        """Make a row with an id derived from its content and ``key``.

        ``key`` is the row's place in the plan (a step and an index, or a seed); it keeps two
        rows apart that happen to say the same.
        """
        body = [
            key,
            fields.get("method", "input"),
            fields.get("round", 0),
            list(fields.get("parents", ())),
            fields.get("system"),
            instruction,
            fields.get("response"),
            [[m.role, m.content] for m in fields.get("messages", ())],
            fields.get("extra", {}),
        ]
        return cls(id=fields.pop("id", _digest(body)), instruction=instruction, **fields)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed. The id stays: it is still the same row."""
        return msgspec.structs.replace(self, **changes)

    def reject(self, *reasons: str, **details: Any) -> Self:
        """A copy that is rejected, earlier reasons kept in front."""
        old = self.verdict or Verdict(accepted=False)
        new = tuple(dict.fromkeys((*old.reasons, *reasons)))
        found = {**old.details, **details}
        verdict = msgspec.structs.replace(old, accepted=False, reasons=new, details=found)
        return self.replace(verdict=verdict)

    @property
    def status(self) -> Status:
        """Where the row stands: failed, rejected, accepted, or still under way."""
        if self.failure is not None:
            return "failed"
        if self.verdict is None:
            return "pending"
        return "accepted" if self.verdict.accepted else "rejected"

    @property
    def settled(self) -> bool:
        """Rejected or failed: later steps hand the row on untouched."""
        return self.status in ("rejected", "failed")

    @property
    def input(self) -> str | None:
        """The text that the instruction is about, of the field ``input`` or else ``context``.

        None where there is none, or none that is a text with more than white space.
        """
        return input_of(self.extra)

    @property
    def asked(self) -> str | None:
        """The task as a model gets it: the instruction, and behind it an input that it lacks."""
        if self.instruction is None or self.beside is None:
            return self.instruction
        return f"{self.instruction}\n\n{self.beside}"

    @property
    def beside(self) -> str | None:
        """The input where the instruction does not hold it already; else None."""
        text = self.input
        return None if text is None or holds(self.instruction or "", text) else text

    @property
    def around(self) -> str:
        """What duplicates have in common beside their instruction: input and later user turns."""
        later = said_later((turn.role, turn.content) for turn in self.messages)
        return "\n\n".join(filter(None, (self.beside, later)))

    def to_dict(self) -> dict[str, Any]:
        """Its fields as objects and lists; ``extra`` is spread back to the top level."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        data["messages"] = [turn.whole for turn in self.messages]
        extra = data.pop("extra")
        return {**data, **{k: v for k, v in extra.items() if k not in data}}

    def to_flat(self) -> dict[str, Any]:
        """The columns that it has in files, each of one type always; see `evolsynth.flat`.

        Raises:
            TypeError, ValueError, RecursionError: a field holds what JSON has no place for.
        """
        data = self.to_dict()
        return flat(data, {name: data[name] for name in self.extra if name not in _FIELDS})

    def to_json(self) -> str:
        """One line of JSON, as `to_flat` says; what is no number (NaN, infinity) is null.

        Raises:
            InputError: a field holds what JSON has no place for.
        """
        try:
            return dump(self.to_flat())
        except (TypeError, ValueError, RecursionError) as error:
            told = f"it cannot be written as JSON ({_unwritable(error)})."
            raise InputError(f"row {self.id}: {told}") from None

    _repr_html_ = as_html

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a row, flat as in files or nested; a missing ``id`` is derived from what it asks:
        instruction, input, system turn, conversation. Where it asks nothing, from all that it has.

        Raises:
            InputError: a field has the wrong type, naming the field and the way out.
        """
        data = whole(data)
        known = {k: data[k] for k in _FIELDS if k in data and data[k] is not None}
        extra = {k: v for k, v in data.items() if k not in _FIELDS}
        if "extra" in data:
            extra["extra"] = data["extra"]
        known["extra"] = extra
        if isinstance(known.get("id"), int):
            try:
                known["id"] = str(known["id"])
            except ValueError:
                raise InputError("field 'id': a number of too many digits.") from None
        scores = known.get("scores")
        if isinstance(scores, Mapping):  # a score that was no number is written as null
            known["scores"] = {name: score for name, score in scores.items() if score is not None}
        turns = known.get("messages")
        if isinstance(turns, list | tuple):
            known["messages"] = [turn_read(turn) for turn in turns]
        try:
            known.setdefault("id", _digest(_asked(data)))
            return msgspec.convert(known, cls)
        except msgspec.ValidationError as error:
            told, _, place = str(error).partition(" - at")
            _, _, name = place.rpartition("`$.")
            field = f"'{name.rstrip('`')}'" if name else "of the row"
            told = f"field {field}: {told.replace('`', '').lower()}."
            raise InputError(told + _way_out(name.rstrip("`"))) from None
        except UnicodeEncodeError:
            # of a text where none belongs; in one that does, there is nothing to convert
            halves = (n for n, v in known.items() if n not in _TEXTS and "\\ud" in ascii(v))
            raise InputError(
                f"field '{next(halves, 'of the row')}': half a character stands in it."
            ) from None
        except RecursionError:
            raise InputError("nested too deeply.") from None


_TEXTS = ("id", "instruction", "response", "system", "method", "extra")
_FIELDS = tuple(f for f in Row.__struct_fields__ if f != "extra")


def _way_out(place: str) -> str:
    """What to do about a field of a row's own that holds somebody else's value."""
    name = re.split(r"[.\[]", place, maxsplit=1)[0]
    if name not in _FIELDS or name in ("instruction", "messages"):
        return ""
    to = _OTHERWISE.get(name, f"their_{name}")
    return (
        f" '{name}' is a field that rows here have themselves. If yours means something else, give "
        f"it another name: --rename {name}={to}, or fields: {{{name}: {to}}} where it is loaded."
    )


_OTHERWISE = {"verdict": "label", "id": "key", "scores": "ratings", "method": "made_by"}


def _asked(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a row asks, of which its id is made, so that no other column changes it; of one that
    asks nothing, the text that it is about, or else all."""
    about = {} if input_of(data) is None else of_task(data)
    asked = {name: data[name] for name in ("instruction", "system", "messages") if data.get(name)}
    return {**asked, **about} or dict(data)


def _unwritable(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).split(";")[0]


def _digest(body: Any) -> str:
    try:
        text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the row cannot be written as JSON ({_unwritable(error)}).") from None
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def derive_seed(
    run_seed: int, step: str, row_id: str, *, attempt: int = 0, candidate: int = 0
) -> int:
    """The seed of one request, in [0, 2**32 - 2].

    It depends on nothing but its arguments, so it is the same whatever finishes first.
    (2**32 - 1 is left out: llama.cpp takes it to mean "any".)
    """
    key = json.dumps([run_seed, step, row_id, attempt, candidate]).encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") % (2**32 - 1)


def write_rows(path: str | os.PathLike[str], rows: Iterable[Row]) -> int:
    """Write rows as JSON Lines and return how many. The file appears whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    return write(path, (row.to_json() + "\n" for row in rows))
