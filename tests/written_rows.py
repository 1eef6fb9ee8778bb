"""Lines of a file of rows, with their fields as objects and lists; those of other files as they
are."""

from __future__ import annotations

import json
from typing import Any

from evolsynth.flat import COLUMNS, whole
from evolsynth.rows import Row


def whole_row(line: str | bytes) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(line)
    if not data.keys() >= {*COLUMNS}:
        return whole(data)
    read: dict[str, Any] = json.loads(json.dumps(Row.from_dict(data).to_dict()))  # no tuples
    return read
