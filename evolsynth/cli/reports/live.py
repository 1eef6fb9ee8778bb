"""``evolsynth report --live``: the report on a run as it stands, on this machine's loopback."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic, thread_time, time

from evolsynth.cli.progress.screen import shown
from evolsynth.cli.progress.summary import standing_text
from evolsynth.cli.progress.waiting import hushed
from evolsynth.errors import EvolsynthError, InputError
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.foreign import told
from evolsynth.pipeline.run.export import SAMPLE
from evolsynth.pipeline.run.told import page_of
from evolsynth.report.build import Live, build_report
from evolsynth.report.serving import NEWS, PageServer
from evolsynth.rows import Row
from evolsynth.store.sqlite_file import STORE
from evolsynth.store.status import RunStatus, read_status, stored_rows

__all__ = ["LivePage", "port_of", "serve"]

_LEAST = 1.5  # seconds between two states
_PORTS = range(20_000, 32_000)
_SHARE = 10.0  # times what making a state took until the next, so that the run has its processor
_RUNS = (
    "The map and the figures of variety come when the run is not at work: they would take the "
    "processor from it."
)
#: What a run that is about to begin has in its folder before its store.
_EARLY = ("run.lock", "owner.json")
_MAKING = "The map and the figures of variety are being made, and will be here soon."


def serve(folder: str, port: int | None, embedder: Callable[[], Embedder | None]) -> int:
    """Show the report on a run until Ctrl-C; the exit status.

    Args:
        port: None for the run's own, or a free one where somebody else has that.

    Raises:
        InputError: there is no run in the folder, or the port cannot be had.
        StoreError: the run's store cannot be read.
    """
    page = LivePage(folder, embedder)
    page(None)  # what is wrong with the run is told before anything is shown
    with hushed(), _server(page, folder, port) as server:
        print(f"The report on {shown(folder)}, kept up to date; Ctrl-C ends it, not the run:")
        print(server.address, flush=True)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            print("Ended. The run was not touched.")
    return 0


def _server(page: LivePage, folder: str, port: int | None) -> PageServer:
    if port is not None:
        return PageServer(page, port)
    own = port_of(folder)
    try:
        return PageServer(page, own)
    except InputError:
        server = PageServer(page)
    print(f"Port {own}, which is this run's own, is in use: the browser shows other marks at this "
          "one. Is the report on it open already?", file=sys.stderr)  # fmt: skip
    return server


def port_of(folder: str) -> int:
    """A run's own port, the same each time: a browser keeps marks by address and port. Below those
    that systems give to whoever asks for a free one."""
    return _PORTS.start + int.from_bytes(_digest(folder)) % len(_PORTS)


def _digest(folder: str) -> bytes:
    return hashlib.blake2b(os.fsencode(os.path.realpath(folder)), digest_size=8).digest()


class LivePage:
    """The page of a run as it stands, made anew where there is something newer, and not often.

    Args:
        folder: the run's; it may be empty still.
        embedder: gives what makes the map, once the run is not at work.

    Raises:
        InputError: there is no folder, or what is in it is no run.
    """

    def __init__(self, folder: str, embedder: Callable[[], Embedder | None]) -> None:
        self._folder, self._embedder = Path(folder), embedder
        self._lock = threading.Lock()
        self._tag, self._page, self._due = "", "", 0.0
        self._mapped: tuple[str, str] | None = None  # a state, and its page with the map
        self._key = f"run {_digest(folder).hex()}"
        _check(self._folder)

    def __call__(self, since: str | None) -> str | None:
        """The page of now; None where ``since`` names its state.

        Raises:
            InputError: there is no run any more.
            StoreError: its store cannot be read.
        """
        with self._lock:
            if monotonic() >= self._due:
                began = thread_time()
                self._look()
                self._due = monotonic() + max(_LEAST, _SHARE * (thread_time() - began))
            return None if since == self._tag else self._page

    def _look(self) -> None:
        if not (self._folder / STORE).exists():
            _check(self._folder)
            self._tag, self._page = "not begun", self._empty()
            return
        standing = read_status(self._folder)
        counted = sum(standing.rows.values())
        ended = f"{standing.running} {standing.ended}"
        tag = f"{standing.attempt} {counted} {standing.seen} {ended}"
        if self._mapped is not None and self._mapped[0] == tag:
            self._tag, self._page = f"{tag} map", self._mapped[1]
        elif tag != self._tag:
            rows, total = stored_rows(self._folder, SAMPLE)
            self._page = self._made(standing, rows, total, tag)
            self._tag = tag
            if not standing.running and rows:
                self._map_later(standing, rows, total, tag)

    def _made(
        self,
        standing: RunStatus,
        rows: list[Row],
        total: int,
        tag: str,
        embedder: Embedder | None = None,
        why: str | None = None,
    ) -> str:
        if why is None:
            why = _RUNS if standing.running else _MAKING if rows else ""
        how = standing_text(standing, time())
        live = Live(key=self._key, tag=tag, told=how, news=NEWS, why=why)
        return page_of(self._folder, rows, total=total, embedder=embedder, live=live)

    def _map_later(self, standing: RunStatus, rows: list[Row], total: int, tag: str) -> None:
        """Make the page with its map beside, so that nobody waits for it."""

        def work() -> None:
            known = standing, rows, total, f"{tag} map"
            try:
                page = self._made(*known, self._embedder(), "")
            except Exception as error:  # noqa: BLE001 - of whatever embeds, or of the store
                try:
                    page = self._made(*known, None, f"There is no map: {told(error)}.")
                except EvolsynthError:  # of the store: whoever asks for the page next is told
                    return
            with self._lock:
                self._mapped = tag, page

        threading.Thread(target=work, name="the map", daemon=True).start()

    def _empty(self) -> str:
        how = f"{self._folder}: the run has not begun. This page waits for it."
        live = Live(key=self._key, tag="not begun", told=how, news=NEWS)
        title = f"evolsynth: {self._folder.name}"
        return build_report([], embedder=None, title=title, live=live)


def _check(folder: Path) -> None:
    """See that there is a run, or a folder that one may begin in.

    Raises:
        InputError: there is none.
    """
    if (folder / STORE).exists():
        return
    if folder.is_file():
        raise InputError(
            f"{folder}: --live shows a run, and this is a file. Leave --live out, or give the "
            "folder that -o named."
        )
    if not folder.is_dir() or any(one.name not in _EARLY for one in folder.iterdir()):
        raise InputError(
            f"{folder}: there is no run here (no {STORE}). Begin one, or give the folder that -o "
            "named."
        )
