"""The connection to Ray, which is imported when one is wanted."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from evolsynth.cluster.settings import LOCAL
from evolsynth.doing import doing
from evolsynth.errors import SetupError

__all__ = ["connected", "processors"]

#: Bytes of Ray's own store on this machine: what goes through it here are model files, in pieces.
_STORE = 256 << 20
_SOON = 5.0  # seconds within which an address answers


@contextmanager
def connected(address: str = LOCAL, **more: Any) -> Iterator[Any]:
    """Ray, connected to an address; see `evolsynth.cluster.settings.Ray`. A connection that there
    is already is taken, and left. Yields the module ``ray``.

    Args:
        more: for ``ray.init``.

    Raises:
        SetupError: Ray is not installed, or nothing answers at the address.
    """
    if importlib.util.find_spec("ray") is None:
        raise SetupError("Ray is not installed: pip install 'evolsynth[ray]'.")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        yield ray
        return
    with doing("connecting to Ray" if address != LOCAL else "beginning Ray on this machine"):
        own: dict[str, Any] = {}
        if address == LOCAL:
            own = {"include_dashboard": False, "object_store_memory": _STORE}
        try:
            _see(address)
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **own, **more)
        except Exception as error:
            raise SetupError(
                f"No Ray answers at {address!r} ({_first(error)}). Begin one with `ray start "
                "--head`, give its HOST:PORT, or `local` for this machine alone."
            ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _see(address: str) -> None:
    """See that something answers there: Ray itself looks for minutes.

    Raises:
        OSError: nothing does.
        ValueError: it is no address.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address in (LOCAL, "auto"):
        return
    if not colon or not port.isdecimal():
        raise ValueError("that is no HOST:PORT")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_SOON).close()


def processors(ray: Any) -> float:
    """How many there are in the whole cluster, in use or not."""
    return float(ray.cluster_resources().get("CPU", 0))


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
