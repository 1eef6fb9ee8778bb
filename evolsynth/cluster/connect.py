"""A connection to Ray: a cluster's, by its address, or one of this machine's own."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from evolsynth.cluster.settings import LOCAL
from evolsynth.doing import doing
from evolsynth.errors import SetupError

__all__ = ["LOCAL", "connected", "imported", "nodes", "processors"]

_STORE = 512 << 20  # bytes of shared memory for what tasks hand each other, which is little
_PATIENCE = 10.0  # seconds that an address is given to answer


def imported() -> Any:
    """The module ``ray``.

    Raises:
        SetupError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise SetupError("Ray is not installed: pip install 'evolsynth[ray]'.") from None
    return ray


@contextmanager
def connected(address: str | None = None, **init: Any) -> Iterator[None]:
    """Be connected to Ray while the block runs.

    A Ray that this process is connected to already is used, and left as it is. One that is started
    here, for None or ``local``, is ended with the block; any other goes on.

    Args:
        address: ``host:port`` of a cluster, ``auto`` for the one that runs on this machine, None or
            ``local`` for one to start.
        init: more for ``ray.init``.

    Raises:
        SetupError: Ray is not installed, or cannot be reached or started.
    """
    ray = imported()
    if ray.is_initialized():
        yield
        return
    own = address in (None, LOCAL)
    given: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if own:
        given |= {"address": LOCAL, "include_dashboard": False, "object_store_memory": _STORE}
    else:
        _see(str(address))
        given["address"] = address
    try:
        with (
            doing("starting Ray" if own else f"connecting to Ray at {address}"),
            _same_signals(),
        ):
            ray.init(**{**given, **init})
    except Exception as error:  # noqa: BLE001 - Ray raises many kinds, all of which mean this
        ray.shutdown()
        said = str(error).strip().partition("\n")[0].rstrip(".")[:200]
        if own:
            raise SetupError(f"Ray cannot be started here ({said}).") from None
        raise _unreachable(str(address), said) from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _same_signals() -> Iterator[None]:
    """Ray listens to SIGTERM in its own way; who listened before does so again."""
    heard = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if heard is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, heard)


def _see(address: str) -> None:
    """See that somebody listens at an address of a host and a port: Ray itself asks for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():
        if address == "auto":
            return
        raise SetupError(
            f"--ray {address}: that is no address of Ray. Give host:port, auto for the one that "
            "runs here, or local for one to start."
        )
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, getattr(error, "strerror", None) or str(error)) from None


def _unreachable(address: str, said: str) -> SetupError:
    return SetupError(
        f"--ray {address}: no Ray can be reached there ({said}). Start one with `ray start "
        "--head` (if it asks for a token, set RAY_AUTH_MODE and RAY_AUTH_TOKEN here, too), or "
        "leave out the address for this machine alone."
    )


def processors() -> float:
    """How many there are in the cluster that this process is connected to, in use or not."""
    import ray

    return float(ray.cluster_resources().get("CPU", 0))


def nodes() -> list[str]:
    """The ids of the nodes of that cluster which are there, in order."""
    import ray

    return sorted(node["NodeID"] for node in ray.nodes() if node["Alive"])
