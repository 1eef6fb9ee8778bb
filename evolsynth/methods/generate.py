"""Basic prompting: any prompt, plain text or a template over a row's fields, into any field."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from jinja2.defaults import DEFAULT_NAMESPACE

from evolsynth.columns import KEPT, Columns, ColumnType, column
from evolsynth.errors import InputError, MalformedAnswer, RequestError
from evolsynth.findings import reason
from evolsynth.llm.base import LLM, Capability, Prompt, Request, Sampling
from evolsynth.llm.sandbox import Fault, Sandboxed
from evolsynth.llm.structured.ask import held_by, structured
from evolsynth.llm.structured.schema import Schema
from evolsynth.methods.method import Options, Role, method
from evolsynth.options import Count, FilePath, Natural
from evolsynth.prompts import made_by
from evolsynth.rows import Message, Row, derive_seed, dump
from evolsynth.streams import Rows, iterate, map_rows

__all__ = ["RowTemplate", "generate"]

_MARKS = re.compile(r"\{\{|\{%|\{#")
_UNDEFINED = re.compile(r"'([^']+)' is undefined")
_SHOWN = 60
_FIELDS = ("id", "instruction", "response", "system", "messages", "method", "round", "scores")


class RowTemplate:
    """Text in which ``{{ instruction }}`` stands for that field of a row.

    Only this text is a template: what it puts in place is data, in which braces mean nothing.
    It may name ``id``, ``instruction``, ``response``, ``system``, ``messages``, ``method``,
    ``round``, ``scores`` and any other field that the row has; one that is null is not there
    (``{% if system is defined %}``). It runs in a process of its own, with limits of
    time and memory.

    ``name`` is what messages call it, ``head`` the text before the first field, ``fields`` the
    names that it asks for, ``sha256`` the first 16 digits of its hash.

    Raises:
        InputError: it is empty, or does not parse.
    """

    def __init__(self, source: str, *, name: str = "prompt") -> None:
        if not source.strip():
            raise InputError(f"The {name} is empty. Write what the model is to be asked.")
        short = " ".join(source.split())
        shown = short if len(short) <= _SHOWN else short[: _SHOWN - 3] + "..."
        self.name = f'The {name} "{shown}"'
        self.source = source
        self.sha256 = hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]
        mark = _MARKS.search(source)
        self.head = source[: mark.start()] if mark else source
        self.fields: tuple[str, ...] = ()
        self._template: Sandboxed | None = None
        if mark is None:
            return
        try:
            self._template = Sandboxed(source)
        except Fault as why:
            raise InputError(f"{self.name} does not parse: {why}. Mend it.") from None
        self.fields = self._template.fields

    def render(self, row: Row) -> str:
        """The text for a row.

        Raises:
            InputError: the row lacks a field, or the template fails on what it has.
        """
        if self._template is None:
            return self.source
        variables = _variables(row)
        try:
            return self._template.render(variables)
        except Fault as why:
            found = _UNDEFINED.match(str(why)) if why.kind == "undefined" else None
            if found is None:
                raise InputError(f"{self.name} fails for row {row.id}: {why}.") from None
            there = ", ".join(name for name in variables if name != "id")
            raise InputError(
                f"{self.name} asks for the field '{found[1]}', which row {row.id} lacks: "
                f"it has {there}."
            ) from None


def _variables(row: Row) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in _FIELDS}
    own["messages"] = msgspec.to_builtins(row.messages) or None
    return {name: value for name, value in {**row.extra, **own}.items() if value is not None}


_METHOD = "generate"
_TEXTS = ("instruction", "response", "system")
_KEPT = tuple(name for name in Row.__struct_fields__ if name not in _TEXTS)


_MAYBE = re.compile(r"\bis\s+(not\s+)?defined\b|\|\s*d(efault)?\b")


def _needs(options: Options) -> dict[str, ColumnType]:
    """The fields that the templates ask for; none where one asks whether they are there."""
    fields: dict[str, ColumnType] = {}
    for name in ("prompt", "system"):
        text = options.get(name)
        if isinstance(text, str) and text.strip() and not _MAYBE.search(text):
            asked = RowTemplate(text, name=name).fields
            fields |= dict.fromkeys(
                (f for f in asked if f not in KEPT and f not in DEFAULT_NAMESPACE), "any"
            )
    return fields


_MALFORMED = reason(
    "malformed_answer",
    "The answer is not JSON as the schema asks for it, and asking once more did not help.",
    "Read some malformed_answers: raise max_tokens if they were cut off, say in the prompt what "
    "each property is, or take a larger model.",
)
_KINDS: Mapping[str, ColumnType] = {"string": "text", "integer": "number", "number": "number"}


def _kind(name: str, schema: Any) -> ColumnType:
    """What a column holds that a value of this schema goes into."""
    told = schema.get("type") if isinstance(schema, Mapping) else None
    return "text" if name in _TEXTS else _KINDS.get(told, "any") if isinstance(told, str) else "any"


def _columns(step: str, options: Options, came: Columns) -> Columns:
    output, schema = options.get("output", "instruction"), options.get("schema")
    if schema is None:
        return came.plus({output: "text"} if isinstance(output, str) else {})
    form: Schema[Any] = Schema(schema)
    if not options.get("spread"):
        return came.plus({output: _kind(output, form.body)} if isinstance(output, str) else {})
    there = {n: _kind(n, one) for n, (one, needed) in form.properties().items() if needed}
    maybe = (n for n, (_, needed) in form.properties().items() if not needed and n not in came.has)
    after = came.plus(there)
    why = f"the schema of '{step}' does not require it"
    return after._replace(sometimes={**after.sometimes, **dict.fromkeys(maybe, why)})


def _role(options: Options) -> Role:
    """A response is an answer; all else that may be asked for is written."""
    return "answer" if options.get("output") == "response" else "write"


@method(
    name="generate_rows",
    shape="source",
    gives=None,
    keeps=False,
    columns=_columns,
    command="generate",
    role=_role,
)
@method(shape="map", needs=_needs, gives=None, columns=_columns, without=["n"], role=_role)
async def generate(
    rows: Rows | None,
    llm: LLM,
    *,
    prompt: str,
    output: str = "instruction",
    n: Natural | None = None,
    system: str | None = None,
    chat: bool = True,
    prefix: str = "",
    stop: Sequence[str] = (),
    grammar: str | None = None,
    schema: Mapping[str, Any] | FilePath | type[Any] | None = None,
    spread: bool = False,
    seed: int = 0,
    sampling: Sampling = Sampling(),  # noqa: B008 - it cannot be changed
    max_tokens: Count = 256,
    concurrency: Count | None = None,
) -> AsyncGenerator[Row]:
    """Each row with what the model says to any ``prompt``, in its field ``output``, in order.

    Without rows (``rows=None, n=100``) it makes ``n`` new ones, which differ by their seeds.
    A text that stood in the field is replaced and kept as ``provenance[output]["replaced"]``.
    Settled rows pass through untouched.

    With a ``schema`` the field has the JSON value, checked; ``instruction``, ``response`` and
    ``system``, which are texts, have it as one line of JSON, unless it is a text itself. An answer
    that is malformed is asked for once more, with what is wrong; where that does not help, the
    row is rejected (``malformed_answer``), and ``extra["malformed_answers"]`` has what was said.

    Args:
        prompt: text, or a template over a row's fields, ``"Answer in a line: {{ instruction }}"``;
            see `RowTemplate`.
        n: how many new rows; by default, in a pipeline, as many as its budget asks for.
        output: ``instruction``, ``response``, ``system``, or a field of your own.
        system: the system turn, text or template; by default what the chat template brings.
        chat: put the prompt into the model's chat template. Otherwise the model continues it as
            plain text, in which no control token can stand.
        prefix: what the answer is made to begin with; it is part of the text.
        stop: texts that end the answer and are cut off it.
        grammar: GBNF with a rule ``root`` that the answer obeys, behind the prefix.
        schema: the answer is JSON that is valid against this JSON schema, a mapping or a ``.json``
            file; in Python also a pydantic model. It goes without prefix, stop and grammar.
        spread: put the properties of the answer, which is an object, into fields of their names;
            ``output`` then only names what ``provenance`` says of it.
        sampling: how the answer is drawn; see `Sampling`.
        max_tokens: the most tokens of an answer.

    Raises:
        InputError: the prompt does not parse, asks for fields where there are no rows, or
            ``output`` is no place for a text; both of rows and n, or none; the schema cannot be
            used.
        CapabilityError: the back end cannot answer a chat (continue a raw prompt, with
            ``chat=False``), or not with a prefix or grammar.
        SetupError: jsonschema is not installed, and the schema is no pydantic model.
        TemplateError: the model's chat template is missing or broken, or takes no system turn.
    """
    asked = RowTemplate(prompt)
    above = None if system is None else RowTemplate(system, name="system prompt")
    if output in _KEPT or not output.strip():
        raise InputError(
            f"output is '{output}', which is no place for a text. Name instruction, response, "
            "system, or a field of your own."
        )
    if above is not None and not chat:
        raise InputError("A raw prompt has no system turn. Put its text in front of the prompt.")
    form = _form(schema, spread=spread, prefix=prefix, stop=stop, grammar=grammar)
    new = rows is None
    if rows is None:
        rows = _plan(n, seed, (asked, above))
    elif n is not None:
        raise InputError("n goes without rows: it says how many new ones to make.")
    for needed, what in (
        (True, Capability.CHAT if chat else Capability.RAW_PROMPT),
        (bool(prefix), Capability.PREFIX),
        (grammar is not None, Capability.GRAMMAR),
    ):
        if needed:
            llm.require(what, by=_METHOD)
    how = None if form is None else held_by(llm, chat=chat, by=_METHOD)
    if chat:  # told at the start, not at each row
        turns = (*([Message("system", "?")] if above else []), Message("user", "?"))
        _try(llm, Request(messages=turns, seed=0), form if how == "schema" else None)
    told: dict[str, Any] = {"prompt": prompt, "prompt_sha256": asked.sha256, "chat": chat}
    told |= {} if system is None else {"system": system}
    told |= {"prefix": prefix} if prefix else {}
    told |= {"stop": list(stop)} if stop else {}
    told |= {} if grammar is None else {"grammar": grammar}
    told |= {} if form is None else {"schema": form.body, "held_by": how}

    def whole(row: Row) -> dict[str, Any]:
        text = asked.render(row)
        if not chat:
            return {"prompt": Prompt.of(text).shared_to(asked.head)}
        turns = [] if above is None else [Message("system", above.render(row))]
        constant = above is None or not above.fields
        shared = asked.head.lstrip() if constant else ""
        return {"messages": (*turns, Message("user", text)), "shared": shared}

    # A seed comes from what is asked, and how many asked that before: columns that no prompt reads
    # change nothing.
    keys: dict[str, list[str]] = {}
    times: Counter[str] = Counter()

    async def noted(rows: Rows) -> AsyncGenerator[Row]:
        async with aclosing(iterate(rows)) as source:
            async for row in source:
                if not row.settled:
                    said = _asked(row, asked, above)
                    times[said] += 1
                    keys.setdefault(row.id, []).append(f"{said}/{times[said]}")
                yield row

    async def one(row: Row) -> Row:
        key = row.id if new else keys[row.id].pop(0)
        request = Request(
            **whole(row),
            seed=derive_seed(seed, f"{_METHOD}/{output}", key),
            max_tokens=max_tokens,
            sampling=sampling,
            stop=tuple(dict.fromkeys(stop)),
            prefix=prefix,
            grammar=grammar,
        )
        if form is not None:
            return await formed(row, request, form)
        completion = await llm.complete(request)
        made = made_by(llm, request, completion, told)
        return _filled(row, output, {output: completion.text.strip()}, made, new=new)

    async def formed(row: Row, request: Request, form: Schema[Any]) -> Row:
        try:
            answer = await structured(llm, request, form)
        except MalformedAnswer as error:
            made = {**llm.provenance, **told, "seed": request.seed}
            row = _filled(row, output, {"malformed_answers": list(error.texts)}, made, new=new)
            return row.reject(_MALFORMED, **{_MALFORMED: {"problems": list(error.problems)}})
        made = made_by(llm, answer.request, answer.completion, told)
        made |= {"repaired": True} if answer.repaired else {}
        values = _spread(answer.plain, form) if spread else {output: answer.plain}
        texts = {name: _as_text(values[name]) for name in _TEXTS if name in values}
        return _filled(row, output, {**values, **texts}, made, new=new)

    width = llm.concurrency if concurrency is None else concurrency
    given = rows if new else noted(rows)
    async with aclosing(map_rows(given, one, step=_METHOD, concurrency=width)) as stream:
        async for row in stream:
            yield row


def _asked(row: Row, *templates: RowTemplate | None) -> str:
    """What of a row is asked, in short: what stands in the columns that templates name."""
    names = [name for template in templates if template is not None for name in template.fields]
    whole = repr([column(row, name) for name in names]).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(whole, digest_size=8).hexdigest()


def _plan(n: int | None, seed: int, templates: Sequence[RowTemplate | None]) -> Iterator[Row]:
    """Empty rows, each with an id of its own."""
    if n is None:
        raise InputError("There are neither rows nor n. Give rows, or n=100 for so many new ones.")
    if n < 0:
        raise InputError(f"n is {n}: give a number of rows from 0.")
    for template in templates:
        if template is not None and template.fields:
            raise InputError(
                f"{template.name} asks for the field '{template.fields[0]}', but there are no "
                "rows. Give some, or leave the field out."
            )
    key = "/".join(t.sha256 for t in templates if t is not None)
    return (Row.make(key=f"{_METHOD}/{seed}/{key}/{i}", method=_METHOD) for i in range(n))


def _form(
    schema: Any, *, spread: bool, prefix: str, stop: Sequence[str], grammar: str | None
) -> Schema[Any] | None:
    """What the schema asks for.

    Raises:
        InputError: it cannot be used, or not with the other options.
    """
    if schema is None:
        if spread:
            raise InputError("spread goes with a schema: it says what the fields are. Give one.")
        return None
    for name, given in (("prefix", prefix), ("stop", stop), ("grammar", grammar)):
        if given:
            raise InputError(f"schema cannot go with {name}: it says all of the form. Leave one.")
    form: Schema[Any] = Schema(schema)
    if spread:
        names = form.properties()
        if not names:
            raise InputError(
                "spread needs a schema of an object with properties, which become fields. Give "
                "one, or leave it out."
            )
        for name in names:
            if name in _KEPT or not name.strip():
                raise InputError(
                    f"The schema has a property '{name}', which is no place for an answer. Call it "
                    "otherwise, or leave spread out."
                )
    return form


def _try(llm: LLM, request: Request, form: Schema[Any] | None) -> None:
    """Find out whether the model takes such requests."""
    schema = None if form is None else form.text
    try:
        llm.prepared(msgspec.structs.replace(request, schema=schema))
    except RequestError as error:
        raise InputError(str(error)) from None


def _spread(value: Mapping[str, Any], form: Schema[Any]) -> dict[str, Any]:
    """The fields that an object becomes: those that are declared; a text that is null is none."""
    found = {name: value[name] for name in form.properties() if name in value}
    return {n: inner for n, inner in found.items() if inner is not None or n not in _TEXTS}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else dump(value)


def _filled(
    row: Row, output: str, values: Mapping[str, Any], made: dict[str, Any], *, new: bool
) -> Row:
    """The row with values in their places; a new one gets its id from what it says."""
    before = {name: column(row, name) for name in values}
    replaced = {name: value for name, value in before.items() if value is not None}
    if replaced:
        made["replaced"] = replaced.get(output, replaced) if list(values) == [output] else replaced
    extra = {name: value for name, value in values.items() if name not in _TEXTS}
    fields: dict[str, Any] = {"provenance": {**row.provenance, output: made}}
    fields |= {name: value for name, value in values.items() if name in _TEXTS}
    if extra:
        fields["extra"] = {**row.extra, **extra}
    return Row.make(key=row.id, method=_METHOD, **fields) if new else row.replace(**fields)
