"""A batch's requests, which its results are joined with by their ``custom_id``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.formats.openai import answered, openai
from evolsynth.data.formats.turns import judged
from evolsynth.doing import doing
from evolsynth.errors import InputError

__all__ = ["joined", "requests_of"]

Requests = Mapping[str, Mapping[str, Any]]


@doing("reading the requests")
def requests_of(path: str) -> Requests:
    """What each request of a file asks, by its ``custom_id``; all of it is in memory.

    Raises:
        InputError: no such file, a line that is no request, or two of one id.
    """
    from evolsynth.data.open import file_origin

    if path == "-":
        raise InputError("requests: give a file, not standard input.")
    found: dict[str, Mapping[str, Any]] = {}
    for one in file_origin(path, format="rows").records(lambda _: True):
        asked = openai(one.given) if isinstance(one.given.get("body"), Mapping) else None
        if asked is None:
            raise InputError(
                f"{one.place}: this is no request of a batch (custom_id, body). Give the file that "
                "the batch was made of."
            )
        name = one.given["custom_id"]
        if name in found:
            raise InputError(
                f"{one.place}: the custom_id '{name:.80}' stands there twice. Give each its own."
            )
        found[name] = asked
    return found


def joined(requests: Requests, result: Mapping[str, Any]) -> dict[str, Any]:
    """What a row has of a result and of its request: of a conversation all turns, the answer last.

    Raises:
        InputError: there is no such request, or the record is no result.
    """
    told = openai(result)
    if told is None or "batch_response" not in told:
        raise InputError("this is no result of a batch (custom_id, response, error).")
    name = result["custom_id"]
    asked = requests.get(name)
    if asked is None:
        raise InputError(
            f"no request has the custom_id '{name:.80}'. Give the requests of this batch."
        )
    if "messages" not in asked:
        return {**asked, **told}
    turns = [*asked["messages"], *answered(told["batch_response"])]
    whole = {name: value for name, value in judged(turns).items() if value is not None}
    above = {"system": asked["system"]} if asked.get("system") else {}
    return {"response": None, **whole, **above, "messages": turns,
            "batch_response": told["batch_response"]}  # fmt: skip
