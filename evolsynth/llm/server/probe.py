"""What a server is and can do, found out by asking it when a model is started.

A kind is believed when the server answers as only that kind does, whatever the scheme says; what
a kind does not have, and what this server turns out not to have, is told once as a gap.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from evolsynth.errors import EngineError, InputError, LLMError, RequestError, SetupError
from evolsynth.llm.base import Capability
from evolsynth.llm.server.flavours import FLAVOURS, Found
from evolsynth.llm.server.forms import llama_server
from evolsynth.llm.server.learned import learned
from evolsynth.rows import Message

if TYPE_CHECKING:
    from evolsynth.llm.server.transport import Transport

__all__ = ["Probed", "abilities", "gaps", "probe"]

# Who /v1/models says the models are owned by.
_OWNERS = {
    "llamacpp": "llama-server",
    "vllm": "vllm",
    "sglang": "sglang",
    "library": "ollama",
    "organization_owner": "lmstudio",
    "organization-owner": "lmstudio",
    "me": "llama-cpp-python",
}
_HOSTS = {"api.openai.com": "openai", "openrouter.ai": "openrouter"}
_SCHEMES = ("ollama", "llama-server", "vllm", "sglang", "tgi", "lmstudio")
_SENTENCEPIECE = 1  # LLAMA_VOCAB_TYPE_SPM
_LISTED = 8  # models in a message
# Of the likeliest token, asked for twice: rounding.
_AS_LIKELY = 0.01
_OUT_OF_STEP = (
    "it says a prompt again with log-probabilities that belong to other tokens, as llama-cpp-"
    "python's server does: they are not used"
)


class Probed(NamedTuple):
    """What was found, the chat template that the server shows (with its tokens' texts), what of
    the server is worth knowing though it is no gap, and on how many questions it says that it works
    at once."""

    found: Found
    template: str | None = None
    variables: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()
    slots: int | None = None


async def probe(
    asker: Transport,
    *,
    scheme: str,
    host: str,
    model: str | None,
    version: str,
    think: bool | None = None,
) -> Probed:
    """Find out what a server is, which model it has, and what it can do.

    Args:
        asker: asks it.
        scheme: what the user calls it.
        host: where it is, with or without its port.
        model: its name there; None: the only one that the server has.
        version: what the paths of OpenAI's kind begin with.
        think: whether the model is to think; None as it does by itself.

    Raises:
        InputError: the server has several models and none was named, or none of that name.
        SetupError: it cannot be reached, or refuses the key.
    """
    known = _HOSTS.get(host.partition(":")[0].lower())
    models = await _models(asker, version)
    kind = known or await _kind(asker, scheme, models)
    name = model or _only(models, scheme, host)
    base = Found(kind=kind, model=name, version=version, think=think)
    probed = await _OF_KIND.get(kind, _openai)(asker, base, models)
    if known is None and kind != scheme and scheme in _SCHEMES:
        told = FLAVOURS[kind].title
        probed = probed._replace(notes=(*probed.notes, f"it was named {scheme} and is {told}"))
    return probed


# Which kind it is ---------------------------------------------------------------------------------


async def _models(asker: Transport, version: str) -> list[dict[str, Any]]:
    """What it says of its models; none where it has no such list."""
    try:
        told = await asker.get(f"{version}/models")
    except (RequestError, EngineError):
        return []
    listed = told.get("data") if isinstance(told, dict) else told
    return [m for m in listed or () if isinstance(m, dict) and isinstance(m.get("id"), str)]


async def _kind(asker: Transport, scheme: str, models: Sequence[Mapping[str, Any]]) -> str:
    """Of which kind it is. The user's word is tried first."""
    owners = {_OWNERS.get(str(model.get("owned_by"))) for model in models} - {None}
    for kind in dict.fromkeys((scheme, *sorted(o for o in owners if o), "tgi")):
        look = _LOOKS.get(kind)
        if look is None:
            if kind in owners:
                return kind
            continue
        if kind == "tgi" and scheme != "tgi" and owners:
            continue
        told = await _told(asker, look[0])
        if isinstance(told, dict) and look[1] in told:
            return kind
    return "compatible"


# Where only that kind answers, and with which field.
_LOOKS = {
    "ollama": ("/api/version", "version"),
    "llama-server": ("/props", "default_generation_settings"),
    "vllm": ("/version", "version"),
    "sglang": ("/get_model_info", "model_path"),
    "tgi": ("/info", "max_input_tokens"),
    "lmstudio": ("/api/v0/models", "data"),
}


async def _told(asker: Transport, path: str) -> Any:
    """What stands at a path that may not be there."""
    try:
        return await asker.get(path)
    except (LLMError, SetupError):
        return None


async def _tried(asker: Transport, path: str, body: Mapping[str, Any]) -> Any:
    """What a question gives that the server may not know; None if it does not."""
    try:
        return await asker.post(path, body, tokens=1)
    except (LLMError, SetupError):
        return None


def _only(models: Sequence[Mapping[str, Any]], scheme: str, host: str) -> str:
    """The name of the only model.

    Raises:
        InputError: there are several, or none.
    """
    names = [str(model["id"]) for model in models]
    if len(names) == 1:
        return names[0]
    if not names:
        raise InputError(
            f"The server at {host} does not say which models it has. Look whether its address is "
            f"right, or name one: {scheme}:NAME@URL."
        )
    listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    raise InputError(
        f"The server at {host} has {len(names)} models ({listed}). Name one: "
        f"{scheme}:NAME@http://{host}."
    )


# What each kind tells of itself -------------------------------------------------------------------


async def _llama_server(
    asker: Transport, base: Found, models: Sequence[Mapping[str, Any]]
) -> Probed:
    props = await asker.get("/props")
    notes: tuple[str, ...] = ()
    listed = _of(models, base.model)
    if not listed and len(models) == 1:  # it answers with that one, whatever it is asked for
        listed = models[0]
        there = _file(str(listed["id"]))
        notes = (f"it was named {base.model}, and the only model there is {there}",)
        base = msgspec.structs.replace(base, model=str(listed["id"]))
    elif not listed and models:
        raise _not_there(base.model, models)
    meta = listed.get("meta") or {}
    found = msgspec.structs.replace(
        base,
        raw=True,
        prefill={},
        choosing="grammar",
        grammar=True,
        begins=await _begins(asker),
        sentencepiece=meta.get("vocab_type") == _SENTENCEPIECE,
        context=_whole(props.get("default_generation_settings", {}).get("n_ctx")),
        parameters=_whole(meta.get("n_params")),
        facts=_facts(
            file=_file(str(props.get("model_path") or base.model)),
            build=props.get("build_info"),
            size=meta.get("size"),
            quantisation=meta.get("ftype") or props.get("model_ftype"),
        ),
    )
    if await _forces(asker):
        found = msgspec.structs.replace(found, scoring="forced")
    tokens = {name: str(props[name]) for name in ("bos_token", "eos_token") if props.get(name)}
    slots = _whole(props.get("total_slots"))
    return Probed(found, props.get("chat_template") or None, tokens, notes, slots)


async def _begins(asker: Transport) -> tuple[int, ...]:
    """The tokens that it puts before a text: a beginning of sequence, or nothing."""
    whole, bare = [
        await asker.post(
            "/tokenize", {"content": "a", "add_special": special}, tokens=0, read=_tokens
        )
        for special in (True, False)
    ]
    at = next((i for i in range(len(whole)) if whole[i : i + len(bare)] == bare), 0)
    return tuple(whole[:at])


def _tokens(told: Any) -> list[int]:
    return [int(token) for token in told["tokens"]]


async def _forces(asker: Transport) -> bool:
    """Whether a grammar of tokens is understood, with which a given text can be scored."""
    tokens = await asker.post(
        "/tokenize", {"content": " b c", "add_special": False}, tokens=0, read=_tokens
    )
    wanted = [tokens[-1], tokens[0]]
    question = llama_server.forced(tokens, wanted)
    told = await _tried(asker, question.path, question.body)
    try:
        answer = llama_server.read(told)
    except (ValueError, KeyError, TypeError):
        return False
    return [t.token for t in answer.logprobs] == wanted


async def _ollama(asker: Transport, base: Found, models: Sequence[Mapping[str, Any]]) -> Probed:
    version = (await asker.get("/api/version")).get("version")
    shown = await _shown(asker, base.model)
    details, info = shown.get("details") or {}, shown.get("model_info") or {}
    tags = await _told(asker, "/api/tags")
    listed = (tags or {}).get("models") or ()
    names = (base.model, f"{base.model}:latest")
    digest = next((m.get("digest") for m in listed if m.get("name") in names), None)
    found = msgspec.structs.replace(
        base,
        raw="completion" in (shown.get("capabilities") or ["completion"]),
        prefill={} if await _goes_on(asker, base.model) else None,
        choosing="enum",
        parameters=_whole(info.get("general.parameter_count")),
        facts=_facts(
            version=version, digest=digest, quantisation=details.get("quantization_level")
        ),
    )
    # Of those that think, or have a form of their own, Ollama itself reads the answers.
    own = shown.get("parser") or "thinking" in (shown.get("capabilities") or ())
    if own or not found.raw:
        return Probed(found)
    return Probed(found, await learned(lambda turns: _rendered(asker, base.model, turns)))


async def _shown(asker: Transport, model: str) -> dict[str, Any]:
    """What Ollama tells of a model.

    Raises:
        InputError: it has none of that name.
    """
    try:
        shown: Any = await asker.post("/api/show", {"model": model}, tokens=0)
    except RequestError as error:
        raise InputError(
            f"Ollama has no model '{model}' ({error}). Fetch it with: ollama pull {model}"
        ) from None
    return shown if isinstance(shown, dict) else {}


async def _rendered(asker: Transport, model: str, turns: Sequence[Message]) -> str | None:
    """A chat as Ollama renders it, without answering it; None where it cannot."""
    body = {
        "model": model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in turns],
        "stream": False,
        "_debug_render_only": True,
        "options": {"num_predict": 1},  # of those that do not know this
    }
    told = await _tried(asker, "/api/chat", body)
    text = ((told or {}).get("_debug_info") or {}).get("rendered_template")
    return text if isinstance(text, str) else None


async def _goes_on(asker: Transport, model: str) -> bool:
    """Whether a chat's last turn stays open."""
    turns = (Message("user", "Hello."), Message("assistant", "evolsynth goes on here"))
    rendered = await _rendered(asker, model, turns)
    return rendered is not None and rendered.rstrip().endswith(turns[1].content)


async def _vllm(asker: Transport, base: Found, models: Sequence[Mapping[str, Any]]) -> Probed:
    version = str((await _told(asker, "/version") or {}).get("version", ""))
    listed = _of(models, base.model)
    found = msgspec.structs.replace(
        base,
        raw=True,
        prefill=FLAVOURS["vllm"].prefill,
        choosing="structured",
        grammar=True,
        scoring="prompt_logprobs",
        guided=_before(version, (0, 11)),
        context=_whole(listed.get("max_model_len")),
        facts=_facts(version=version or None, root=listed.get("root")),
    )
    told = await _told(asker, "/tokenizer_info")
    template = told.get("chat_template") if isinstance(told, dict) else None
    tokens = {
        name: str(told[name]) for name in ("bos_token", "eos_token") if template and told.get(name)
    }
    return Probed(found, template if isinstance(template, str) else None, tokens)


async def _sglang(asker: Transport, base: Found, models: Sequence[Mapping[str, Any]]) -> Probed:
    told = await _told(asker, "/get_model_info") or {}
    server = await _told(asker, "/get_server_info") or {}
    found = msgspec.structs.replace(
        base,
        raw=True,
        prefill=FLAVOURS["sglang"].prefill,
        choosing="enum",
        context=_whole(_of(models, base.model).get("max_model_len")),
        facts=_facts(version=server.get("version"), path=_file(str(told.get("model_path", "")))),
    )
    return await _with_echo(asker, found)


async def _tgi(asker: Transport, base: Found, models: Sequence[Mapping[str, Any]]) -> Probed:
    info = await asker.get("/info")
    found = msgspec.structs.replace(
        base,
        raw=True,
        choosing="enum",
        context=_whole(info.get("max_total_tokens")),
        facts=_facts(
            version=info.get("version"),
            path=info.get("model_id"),
            revision=info.get("model_sha"),
        ),
    )
    return Probed(found)


async def _openai(asker: Transport, base: Found, models: Sequence[Mapping[str, Any]]) -> Probed:
    """Any other: what it can do with a raw prompt is tried with one token."""
    if models and not _of(models, base.model) and base.kind in ("compatible", "lmstudio"):
        raise _not_there(base.model, models)
    choosing = FLAVOURS[base.kind].choosing
    found = msgspec.structs.replace(base, choosing=choosing, grammar=FLAVOURS[base.kind].grammar)
    if base.kind == "openrouter":  # its raw prompts go to chats of some providers
        return Probed(found)
    return await _with_echo(asker, found)


def _not_there(name: str, models: Sequence[Mapping[str, Any]]) -> InputError:
    listed = ", ".join(str(model["id"]) for model in models[:_LISTED])
    return InputError(f"The server has no model '{name}'. It has: {listed}.")


async def _with_echo(asker: Transport, found: Found) -> Probed:
    """Try a raw prompt of a word, and whether it is said again with its log-probabilities."""
    body = {"model": found.model, "prompt": "Hello there", "max_tokens": 1, "temperature": 0}
    path = f"{found.version}/completions"
    echoed = await _tried(asker, path, body | {"echo": True, "logprobs": 1})
    if _echoes(echoed):
        if _in_step(echoed):
            return Probed(msgspec.structs.replace(found, raw=True, scoring="echo"))
        return Probed(msgspec.structs.replace(found, raw=True), notes=(_OUT_OF_STEP,))
    told = echoed if _completes(echoed) else await _tried(asker, path, body)
    return Probed(msgspec.structs.replace(found, raw=_completes(told)))


def _completes(told: Any) -> bool:
    try:
        return isinstance(told["choices"][0]["text"], str)
    except (KeyError, TypeError, IndexError):
        return False


def _echoes(told: Any) -> bool:
    try:
        choice = told["choices"][0]
        logprobs = choice["logprobs"]
        values = logprobs["token_logprobs"]
        return (
            choice["text"].startswith("Hello there")
            and len(values) == len(logprobs["tokens"]) == len(logprobs["text_offset"])
            and len(values) > 1
            and all(isinstance(value, float | int) for value in values[1:])
        )
    except (KeyError, TypeError, IndexError):
        return False


def _in_step(told: Any) -> bool:
    """Whether a token's log-probability is told with that token. The last one was written since
    it was the likeliest, so that nothing that is told beside it can be likelier."""
    logprobs = told["choices"][0]["logprobs"]
    try:
        rivals = [float(value) for value in logprobs["top_logprobs"][-1].values()]
        value = float(logprobs["token_logprobs"][-1])
        return value >= max(rivals, default=-math.inf) - _AS_LIKELY
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        return True  # none are told


_OF_KIND = {
    "llama-server": _llama_server,
    "ollama": _ollama,
    "vllm": _vllm,
    "sglang": _sglang,
    "tgi": _tgi,
}


def _of(models: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next((model for model in models if model["id"] == name), {})


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _facts(**told: Any) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value not in (None, "")}


def _file(path: str) -> str:
    """The name of a file, whatever machine it is on; a repository's name stays whole."""
    if path.startswith("/") or "\\" in path or ":" in path[:3]:
        return PureWindowsPath(PurePosixPath(path).name).name
    return path


def _before(version: str, other: tuple[int, int]) -> bool:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < other


# What follows from it -----------------------------------------------------------------------------


def abilities(found: Found, *, template: bool) -> frozenset[Capability]:
    """What a model behind such a server can do; ``template`` says whether its chat template is
    known, so that a chat becomes a raw prompt."""
    flavour = found.flavour
    claims = {
        Capability.CHAT: True,
        Capability.RAW_PROMPT: found.raw,
        Capability.PREFIX: found.prefill is not None or (found.raw and template),
        Capability.SEED: flavour.seeded,
        Capability.LOGPROBS: found.scoring is not None and template,
        Capability.GRAMMAR: found.grammar,
        Capability.CHOICES: found.choosing in ("grammar", "structured"),
        Capability.SCHEMA: flavour.schema,
        Capability.BANNED: found.raw,
    }
    return frozenset(capability for capability, able in claims.items() if able)


def gaps(found: Found, able: frozenset[Capability]) -> list[str]:
    """What it cannot do, and what comes of that: each a part of a sentence."""
    told = {
        Capability.RAW_PROMPT: "no raw prompts (Magpie and prompts for small models refuse it)",
        Capability.PREFIX: "no forced beginning of an answer",
        Capability.SEED: "no seed that repeats an answer (its rows are not reproducible)",
        Capability.LOGPROBS: "no log-probabilities of given texts (no IFD; judges say a number)",
        Capability.GRAMMAR: "no grammars",
    }
    if found.scoring is not None:
        told[Capability.LOGPROBS] += ": they need chat_template="
    lacks = [text for capability, text in told.items() if capability not in able]
    names = set(found.flavour.sampling)
    if found.raw and found.flavour.raw_sampling is not None:
        names &= set(found.flavour.raw_sampling)
    missing = [
        n for n in ("top_k", "min_p", "repeat_penalty", "presence_penalty") if n not in names
    ]
    if missing:
        lacks.append(f"no {', '.join(missing)} (left out of the sampling)")
    return lacks
