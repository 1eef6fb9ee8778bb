"""OpenAI's file batches, in the form that other servers have taken over.

A file of JSON lines is uploaded, each line a request with its ``custom_id``; a batch is made of it,
marked with our tag in its metadata; later there are a file of answers and one of errors, in any
order. What a line asks and what its answer means is the same as for a request by itself, and is
told from outside.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, cast
from urllib.parse import quote

from evolsynth.errors import EngineError, LLMError, RequestError
from evolsynth.llm.base import Completion, Request, encoded
from evolsynth.llm.batch import Gone, Pauses, Result, Standing
from evolsynth.llm.server import replies
from evolsynth.llm.server.forms.asking import answered
from evolsynth.llm.server.forms.form import Form
from evolsynth.llm.server.replies import NotFound, Reply, Trouble, refusal

if TYPE_CHECKING:
    import httpx

    from evolsynth.llm.server.transport import Transport

__all__ = ["BatchServer", "HttpFiles", "Lines", "OpenAIBatches"]

#: The name under which a batch's metadata has our tag.
TAG = "evolsynth"
_WINDOW, _VERSION = "24h", "/v1"
_QUOTED = 300
#: Pages of a hundred batches that are looked through for a tag.
_PAGES = 50
#: Bytes of the longest answer that is read: OpenAI's files are no longer.
LARGEST = 1 << 30
#: What others than OpenAI say for the same.
_ALIKE = {"succeeded": "completed", "canceled": "cancelled", "error": "failed"}
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
#: Errors of a line or a batch after which the same may go well another time.
_PASSING = frozenset(
    {
        "batch_expired",
        "server_error",
        "internal_error",
        "rate_limit_exceeded",
        "service_unavailable",
    }
    | {"token_limit_exceeded", "request_timeout"}
)
_PASSING_STATUSES = frozenset({408, 409, 425, 429})

Body = Callable[[Request], tuple[str, Mapping[str, Any]]]
Read = Callable[[Request, Any], Awaitable[Completion]]


class BatchServer(Protocol):
    """HTTP as far as batches need it; errors as `evolsynth.llm.batch.Batches` has them."""

    async def get(self, path: str) -> Any:
        """JSON."""

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """JSON for JSON."""

    async def upload(self, path: str, lines: bytes, **fields: str) -> Any:
        """A form with a file of JSON lines; JSON."""

    async def file(self, path: str) -> bytes:
        """What is in a file."""

    async def aclose(self) -> None:
        """Let go of connections; they are made again where they are needed."""


class OpenAIBatches:
    """See `evolsynth.llm.batch.Batches`.

    Args:
        server: where they are.
        body: the path that a request goes to by itself, and its JSON.
        read: the answer in a reply's JSON.
        version: what the server's paths begin with.
        pauses: how long to wait.
    """

    def __init__(
        self,
        server: BatchServer,
        body: Body,
        read: Read,
        *,
        version: str = _VERSION,
        pauses: Pauses | None = None,
    ) -> None:
        self._server, self._body, self._read = server, body, read
        self._version = version
        self.pauses = pauses or Pauses()

    def route(self, request: Request) -> str:
        """The path of a request, as files name it: that of OpenAI."""
        return _VERSION + self._body(request)[0].removeprefix(self._version)

    async def read(self, request: Request, body: Any) -> Completion:
        """The answer in the body of a line."""
        return await self._read(request, body)

    async def submit(self, route: str, lines: Mapping[str, Request], tag: str) -> str:
        """Upload the lines, and make a batch of them."""
        text = b"".join(self._line(route, key, request) for key, request in lines.items())
        file = await self._server.upload(f"{self._version}/files", text, purpose="batch")
        made = await self._server.post(
            f"{self._version}/batches",
            {
                "input_file_id": _id(file),
                "endpoint": route,
                "completion_window": _WINDOW,
                "metadata": {TAG: tag},
            },
        )
        return _id(made)

    def _line(self, route: str, key: str, request: Request) -> bytes:
        body = dict(self._body(request)[1])
        line = {"custom_id": key, "method": "POST", "url": route, "body": body}
        return encoded(line) + b"\n"

    async def find(self, tag: str) -> str | None:
        """Look through the server's batches, the newest first."""
        after = ""
        for _ in range(_PAGES):
            page = await self._server.get(f"{self._version}/batches?limit=100{after}")
            batches = page.get("data") or []
            for batch in batches:
                if (batch.get("metadata") or {}).get(TAG) == tag:
                    return _id(batch)
            if not batches or not page.get("has_more"):
                return None
            after = f"&after={quote(_id(batches[-1]), safe='')}"
        return None

    async def look(self, batch: str) -> Standing:
        """How it stands."""
        told = await self._server.get(f"{self._version}/batches/{quote(batch, safe='')}")
        word = str(told.get("status")).lower()
        word = _ALIKE.get(word, word)
        return Standing(word in _ENDED, word, _no_result(batch, word, told), told)

    async def results(self, standing: Standing) -> Sequence[Result]:
        """The lines of the file of answers and of the file of errors, where there are such."""
        found: list[Result] = []
        for name in ("output_file_id", "error_file_id"):
            if file := standing.details.get(name):
                text = await self._server.file(
                    f"{self._version}/files/{quote(str(file), safe='')}/content"
                )
                found += _lines(text)
        return found

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._server.aclose()


def _id(told: Any) -> str:
    name = told.get("id") if isinstance(told, Mapping) else None
    if not isinstance(name, str) or not name:
        raise EngineError(f"The server's answer has no id: {json.dumps(told)[:_QUOTED]}.")
    return name


def _no_result(batch: str, word: str, told: Mapping[str, Any]) -> LLMError | None:
    """Why lines of a batch that has ended like this have no result."""
    if word == "failed":
        errors = told.get("errors") or []
        errors = errors.get("data") or [] if isinstance(errors, Mapping) else errors
        first = errors[0] if errors else {"message": "it does not say why"}
        first = first if isinstance(first, Mapping) else {"message": first}
        said = f"The server refused batch {batch}: {first.get('message') or first.get('code')}"
        return _error(str(first.get("code")), 0, said)
    if word == "expired":
        return EngineError(f"Batch {batch} expired before this request was answered.")
    if word == "cancelled":
        return LLMError(f"Batch {batch} was cancelled at the server. Start the run again to ask.")
    return None


def _lines(text: bytes) -> Iterator[Result]:
    """What a file of answers or errors tells; what is no such line tells nothing."""
    for line in text.splitlines():
        try:
            told = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            continue
        if isinstance(told, Mapping) and isinstance(told.get("custom_id"), str):
            yield _result(told["custom_id"], told)


def _result(key: str, line: Mapping[str, Any]) -> Result:
    reply, error = line.get("response") or {}, line.get("error")
    status, body = reply.get("status_code") or 0, reply.get("body")
    if error is None and status == 200:
        return Result(key, body)
    if not isinstance(error, Mapping):
        inner = body.get("error") if isinstance(body, Mapping) else None
        error = inner if isinstance(inner, Mapping) else {"message": json.dumps(body)}
    said = str(error.get("message") or error.get("code") or "no reason")[:_QUOTED]
    where = f" ({status})" if status else ""
    told = f"The line of a batch failed{where}: {said}"
    return Result(key, error=_error(str(error.get("code")), status, told))


def _error(code: str, status: int, told: str) -> LLMError:
    passing = code in _PASSING or status in _PASSING_STATUSES or status >= 500
    told = told if told.endswith(".") else f"{told}."
    return EngineError(told) if passing else RequestError(told)


# A request as a line ------------------------------------------------------------------------------


class _Asked(Exception):  # noqa: N818 - it never leaves this module
    """A question that would have been asked."""

    def __init__(self, path: str, body: Mapping[str, Any]) -> None:
        super().__init__(path)
        self.path, self.body = path, body


class _Instead(NamedTuple):
    """Stands for the transport of a form."""

    post: Callable[..., Awaitable[Any]]

    def of(self, form: Form) -> Form:
        """The form, asking this."""
        return form._replace(transport=cast("Transport", self))


class Lines:
    """Requests and answers in a server's form.

    Args:
        form: the server's, whenever it is needed.
    """

    def __init__(self, form: Callable[[], Form]) -> None:
        self._form = form

    def body(self, request: Request) -> tuple[str, Mapping[str, Any]]:
        """The path and the JSON of a request.

        Raises:
            RequestError: it takes more than one question, so it can be no line.
        """

        async def post(path: str, body: Mapping[str, Any], **_: Any) -> Any:
            raise _Asked(path, body)

        work = answered(_Instead(post).of(self._form()), request)
        try:
            work.send(None)
        except _Asked as asked:
            return asked.path, asked.body
        finally:
            work.close()
        raise RequestError("This request cannot go in a batch. Run without --batch.")

    async def read(self, request: Request, body: Any) -> Completion:
        """The answer in a line's JSON. One that is not as it was wanted is asked for once more, by
        itself, as it would have been without a batch.

        Raises:
            RequestError: no answer was as it was wanted.
            ValueError, LookupError, TypeError: the JSON is no answer.
        """
        form, line, first = self._form(), body, True

        async def post(path: str, body: Mapping[str, Any], **told: Any) -> Any:
            nonlocal first
            if not first:
                return await form.transport.post(path, body, **told)
            first = False
            read = told.get("read")
            return line if read is None else read(line)

        return await answered(_Instead(post).of(form), request)


# HTTP ---------------------------------------------------------------------------------------------


class HttpFiles:
    """A `BatchServer` over httpx; used as ``async with``.

    Args:
        url: the server's, without what its paths begin with.
        key: sent in a header, and shown nowhere.
        key_header: the header; ``Authorization`` gets ``Bearer`` before the key.
        name: the server's, in messages.
        verify: whether certificates are checked, or a file with those to trust.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        key_header: str = "Authorization",
        name: str = "The server",
        verify: bool | str = True,
    ) -> None:
        self._url = url.rstrip("/")
        self._key, self._key_header = key, key_header
        self._name, self._verify = name, verify
        self._client: httpx.AsyncClient | None = None

    async def get(self, path: str) -> Any:
        """JSON."""
        return _json(await self._ask("GET", path))

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """JSON for JSON."""
        headers = {"Content-Type": "application/json"}
        return _json(await self._ask("POST", path, content=encoded(body), headers=headers))

    async def upload(self, path: str, lines: bytes, **fields: str) -> Any:
        """A form with a file of JSON lines; JSON."""
        file = ("batch.jsonl", lines, "application/jsonl")
        return _json(await self._ask("POST", path, data=fields, files={"file": file}))

    async def file(self, path: str) -> bytes:
        """What is in a file."""
        return await self._ask("GET", path)

    async def _ask(self, method: str, path: str, **content: Any) -> bytes:
        """The body of a reply that is one.

        Raises:
            EngineError: nobody answers, or the server is busy or broken.
            RequestError: it refuses.
            SetupError: the key does not do.
        """
        import httpx

        try:
            async with self._open().stream(method, self._url + path, **content) as reply:
                status, body = reply.status_code, await _bounded(reply)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = replies.quote(f"{type(error).__name__}: {error}", self._key)
            raise EngineError(f"{self._name} cannot be reached at {path} ({what}).") from None
        if status < 300:
            return body
        asked = f"{self._name}, asked to {method} {path.partition('?')[0]},"
        wrong = refusal(Reply(status, {}, body[: 1 << 16]), asked, self._key)
        if isinstance(wrong, Trouble):
            raise EngineError(f"{wrong}.")
        if isinstance(wrong, NotFound) or status == 410:
            raise Gone(f"{wrong}.")
        raise wrong

    def _open(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            headers = {}
            if self._key is not None:
                bearer = "Bearer " if self._key_header.lower() == "authorization" else ""
                headers[self._key_header] = f"{bearer}{self._key}"
            # a file may be large, and the server reads it before it answers
            waits = httpx.Timeout(10.0, read=300.0, write=300.0)
            checks = self._verify
            trust = (
                checks if isinstance(checks, bool) else ssl.create_default_context(cafile=checks)
            )
            self._client = httpx.AsyncClient(headers=headers, timeout=waits, verify=trust)
        return self._client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


async def _bounded(reply: httpx.Response) -> bytes:
    """A reply's body, unpacked, however much it claims to be.

    Raises:
        RequestError: it is longer than any file of answers.
    """
    parts: list[bytes] = []
    size = 0
    async for part in reply.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            raise RequestError(
                f"The server's answer is longer than {LARGEST >> 20} MiB. "
                "Give a smaller --batch-size."
            )
    return b"".join(parts)


def _json(body: bytes) -> Any:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EngineError(f"The server's answer is no JSON ({error}).") from None
    if not isinstance(told, dict):
        raise EngineError(f"The server's answer is no JSON object: {json.dumps(told)[:60]}.")
    return told
