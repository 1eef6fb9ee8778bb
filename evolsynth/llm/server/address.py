"""What a text such as ``openai:NAME@URL`` means: which kind of server, where, and which model."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from evolsynth.errors import InputError, did_you_mean

__all__ = ["SCHEMES", "Address", "Scheme", "Where", "address_of", "endpoints_of"]


class Scheme(NamedTuple):
    """A kind of server as users name it: how people call it, where it is if no URL is given, and
    the environment's variable that says otherwise."""

    title: str
    default: str
    variable: str = ""
    needs_name: bool = False


#: All that can stand before the colon.
SCHEMES: Mapping[str, Scheme] = {
    "openai": Scheme(
        "OpenAI's API", "https://api.openai.com/v1", "OPENAI_BASE_URL", needs_name=True
    ),
    "ollama": Scheme("Ollama", "http://127.0.0.1:11434", "OLLAMA_HOST", needs_name=True),
    "llama-server": Scheme("llama-server", "http://127.0.0.1:8080"),
    "vllm": Scheme("vLLM", "http://127.0.0.1:8000"),
    "sglang": Scheme("SGLang", "http://127.0.0.1:30000"),
    "tgi": Scheme("TGI", "http://127.0.0.1:8080"),
    "lmstudio": Scheme("LM Studio", "http://127.0.0.1:1234/v1", needs_name=True),
    "openrouter": Scheme("OpenRouter", "https://openrouter.ai/api/v1", needs_name=True),
}

_NAMED = re.compile(r"(?:(?P<name>.+)@)?(?P<url>https?://.*)", re.DOTALL | re.IGNORECASE)
_HOST = re.compile(
    r"(localhost|\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]|[a-z][a-z0-9.-]*\.[a-z]+)(:\d+)?(/.*)?"
)
_HOST_AND_PORT = re.compile(r"[a-z0-9][a-z0-9.-]*:\d{2,5}(/.*)?")
_WHITE = re.compile(r"\s")


class Where(NamedTuple):
    """A server's address: ``url`` without its API's part, and that part, which is ``/v1`` or, for
    OpenAI's kind at an address that ends otherwise, nothing."""

    url: str
    version: str = "/v1"


class Address(NamedTuple):
    """A model behind a server. Without a ``model`` the server is asked which it has."""

    scheme: str
    model: str | None
    where: Where

    @property
    def host(self) -> str:
        """The server's host, with its port."""
        return urlsplit(self.where.url).netloc.rpartition("@")[2]

    def __str__(self) -> str:
        return self.model or f"{self.scheme}:{self.where.url}"


def address_of(text: str) -> Address:
    """The model that a text names.

    Args:
        text: ``SCHEME:NAME``, ``SCHEME:NAME@URL`` or ``SCHEME:URL``; a scheme is one of `SCHEMES`.

    Raises:
        InputError: there is no such scheme, or what follows it names no model and no address.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in SCHEMES:
        raise InputError(
            f"'{text}' names no model behind a server. {did_you_mean(scheme, SCHEMES)} "
            "Write one of them before a colon, as in ollama:smollm2:1.7b."
        )
    kind = SCHEMES[scheme]
    rest = rest.strip()
    named = _NAMED.fullmatch(rest)
    name, url = (named["name"], named["url"]) if named else (rest, "")
    _check(text, scheme, name, url)
    return Address(scheme, name or None, _where(url, scheme) if url else _default(kind, scheme))


def endpoints_of(texts: Sequence[str], scheme: str) -> list[tuple[Where, float]]:
    """Addresses and weights of several servers with the same model, each a URL or URL=WEIGHT.

    Raises:
        InputError: one is no address, or its weight no number above 0, or they are of two forms.
    """
    found: list[tuple[Where, float]] = []
    for text in texts:
        url, mark, number = text.rpartition("=")
        if not mark or "/" in number:
            url, number = text, "1"
        try:
            weight = float(number)
        except ValueError:
            weight = 0.0
        if not 0 < weight < float("inf"):
            raise InputError(
                f"endpoints: '{text}' has no weight above 0. Write URL or URL=2, for example."
            )
        found.append((_where(url.strip(), scheme), weight))
    if len({where.version for where, _ in found}) > 1:
        raise InputError("endpoints: some end in /v1 and some do not. Write all in the same way.")
    return found


def _check(text: str, scheme: str, name: str, url: str) -> None:
    """Raise InputError for what names no model and no address."""
    kind = SCHEMES[scheme]
    if not name and not url:
        raise InputError(
            f"'{text}' names no model. Write {scheme}:NAME"
            f"{'' if kind.needs_name else f', {scheme}:URL'} or {scheme}:NAME@URL."
        )
    if name and _WHITE.search(name):
        raise InputError(f"'{text}': the model's name '{name}' holds white space. Leave it out.")
    if name and "://" in name:
        raise InputError(f"'{text}': a server's address begins with http:// or https://.")
    if name and not url:
        place = name.rpartition("@")[2].lower()
        ported = "@" in name or scheme != "ollama"  # an Ollama tag may be a number
        if not name.strip("@") or _is_host(place) or (ported and _HOST_AND_PORT.fullmatch(place)):
            raise InputError(
                f"'{text}' seems to name a server without http://. Write "
                f"{scheme}:{'NAME@' if kind.needs_name else ''}http://{place or 'HOST'}."
            )


def _is_host(text: str) -> bool:
    """Whether it can only be a host: ``localhost``, or an address of numbers."""
    return _HOST.fullmatch(text) is not None


def _default(kind: Scheme, scheme: str) -> Where:
    """Where the server is if nobody says so."""
    told = os.environ.get(kind.variable, "").strip() if kind.variable else ""
    if not told:
        return _where(kind.default, scheme)
    if "://" not in told:  # as Ollama's own variable may stand: a host, with or without a port
        told = f"http://{told.replace('0.0.0.0', '127.0.0.1')}"  # noqa: S104 - where it listens
        if scheme == "ollama" and urlsplit(told).port is None:
            told = f"{told.rstrip('/')}:11434"
    try:
        return _where(told, scheme)
    except InputError as error:
        raise InputError(f"The environment variable {kind.variable}: {error}") from None


def _where(url: str, scheme: str) -> Where:
    """An address, without what follows the server's own part of it.

    Raises:
        InputError: it is none.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or _WHITE.search(url):
        raise InputError(
            f"'{url}' is no address of a server. Give one such as http://localhost:8000."
        )
    if parts.query or parts.fragment:
        raise InputError(f"'{url}' has a query or fragment. Leave out what follows the path.")
    bare = url.rstrip("/")
    for ending in ("/chat/completions", "/completions"):
        bare = bare.removesuffix(ending)
    if bare.endswith("/v1"):
        return Where(bare.removesuffix("/v1"))
    path = urlsplit(bare).path
    return Where(bare, "" if scheme == "openai" and path else "/v1")
