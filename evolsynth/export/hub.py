"""A folder on the Hugging Face hub, as a data set of somebody's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evolsynth.doing import doing
from evolsynth.errors import InputError, SetupError

__all__ = ["push_to_hub"]

_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
#: From so many files or bytes on, what is there already is not sent again after a break.
_MANY, _LARGE = 100, 1 << 30
_SECRET = re.compile(r"\bhf_\w+")


def push_to_hub(
    folder: str | Path, name: str, *, private: bool = True, dry_run: bool = False
) -> Iterator[str]:
    """Put a folder on the hub; sentences on what was, or with ``dry_run`` would be, done.

    The token is that of ``hf auth login`` or ``HF_TOKEN``; it is never written or told. What is on
    the hub already in the same form is not sent again, so a push that broke off is gone on with by
    pushing again. The address is ``HF_ENDPOINT`` where that is set.

    Args:
        folder: what `export_rows` made.
        name: of the data set, owner/name; made where it is missing.
        private: for a data set that is made now.
        dry_run: nothing is asked of the hub.

    Raises:
        InputError: the name is none, the folder is empty or its card's header is wrong, or the hub
            refuses.
        SetupError: huggingface_hub is missing, or the hub cannot be reached.
    """
    place = Path(folder)
    if not _NAME.fullmatch(name):
        raise InputError(f"--push {name}: write OWNER/NAME.")
    files = [p for p in sorted(place.rglob("*")) if p.is_file() and not _hidden(p, place)]
    if not files:
        raise InputError(f"{folder}: there is nothing to push. Export into the folder first.")
    _check_card(place / "README.md")
    size = sum(file.stat().st_size for file in files)
    kind = "private" if private else "public"
    yield f"{name} ({kind}): {len(files):,} files, {size:,} bytes"
    if dry_run:
        for file in files:
            yield f"  {file.relative_to(place)}, {file.stat().st_size:,} bytes"
        yield "Nothing was sent (dry run)."
        return
    hub = _hub()
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    with doing(f"pushing to {name}"):
        _asked(lambda: api.create_repo(name, repo_type="dataset", private=private, exist_ok=True))
        # from huggingface_hub 2 on, `upload_folder` itself sends many files in several commits
        by_parts = getattr(api, "upload_large_folder", None)
        if by_parts is not None and (len(files) >= _MANY or size >= _LARGE):
            _asked(
                lambda: by_parts(
                    repo_id=name,
                    folder_path=str(place),
                    repo_type="dataset",
                    private=private,
                    print_report=False,
                )
            )
        else:
            _asked(
                lambda: api.upload_folder(
                    repo_id=name,
                    folder_path=str(place),
                    repo_type="dataset",
                    commit_message="Data set by evolsynth",
                    ignore_patterns=[".cache/**", ".*"],
                )
            )
    yield f"Pushed to {api.endpoint}/datasets/{name}."


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise SetupError(
            "Pushing needs the package huggingface_hub. pip install 'evolsynth[data]'"
        ) from None
    return huggingface_hub


def _check_card(place: Path) -> None:
    """See that the card's header is one, as the hub's own package reads it."""
    if not place.is_file():
        return
    hub = _hub()
    try:
        hub.DatasetCard.load(place)
    except Exception as error:  # noqa: BLE001 - yaml's, and its own
        said = str(error).partition("\n")[0]
        told = f"the header is wrong ({said}). Mend it, or export again."
        raise InputError(f"{place}: {told}") from None


def _asked(question: Callable[[], Any]) -> Any:
    """What the hub answers; errors without the token that may stand in them."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    try:
        return question()
    except LocalTokenNotFoundError:
        told = "There is no token for the hub. Run hf auth login, or set HF_TOKEN."
        raise SetupError(told) from None
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        said = _SECRET.sub("***", str(error).strip().partition("\n")[0])
        advice = (
            "Run hf auth login with a token that may write."
            if status in (401, 403)
            else "Push again later: what is there already is not sent again."
        )
        raise InputError(f"The hub refused ({said.rstrip('.')}). {advice}") from None
    except (OSError, ValueError) as error:
        said = _SECRET.sub("***", str(error).strip().partition("\n")[0])
        raise SetupError(
            f"The hub cannot be reached ({said.rstrip('.')}). Push again later: what is there "
            "already is not sent again."
        ) from None
