"""`evolsynth report --live`: who is answered, with what, and what a mistake is told."""

from __future__ import annotations

import http.client
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.cli.reports import live
from evolsynth.cli.reports.live import LivePage, port_of
from evolsynth.errors import EngineError, InputError, StoreDamaged
from evolsynth.report.serving import PageServer
from evolsynth.rows import Row, Verdict
from evolsynth.store.store import Store

HOSTILE = "</script><img src=x onerror=alert(1)>"


def put(store: Store, number: int, text: str = "") -> None:
    row = Row.make(text or f"Name {number} rivers.", key=str(number))
    store.put_row(number, row.replace(verdict=Verdict(accepted=True)), step=None)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between two states."""
    monkeypatch.setattr(live, "_LEAST", 0.0)
    monkeypatch.setattr(live, "_SHARE", 0.0)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as store:
        store.set("pipeline", "rivers")
        put(store, 0)
        store.flush()
        yield store


def page_of(folder: Path) -> LivePage:
    return LivePage(str(folder), lambda: None)


def tag(page: str | None) -> str:
    assert page is not None
    found = re.search(r'"live":\{"tag":"([^"]*)"', page)
    assert found
    return found[1]


def shown(page: str | None, part: str = "planned") -> str:
    assert page is not None
    found = re.search(rf'id="{part}">([^<]*)<', page)
    assert found
    return found[1]


# --- what is shown


def test_rows_come_as_the_run_stores_them(running: Store, tmp_path: Path) -> None:
    page = page_of(tmp_path)
    first = page(None)
    assert shown(first) == "1"
    assert "is running: process" in shown(first, "live-told")
    assert page(tag(first)) is None
    put(running, 1)
    running.flush()
    second = page(tag(first))
    assert shown(second) == "2"
    assert "come when the run is not at work" in shown(second, "why-not")
    assert "connect-src 'self'" in (second or "")


def test_another_process_may_write_meanwhile_and_has_its_lock(
    running: Store, tmp_path: Path
) -> None:
    page = page_of(tmp_path)
    for number in range(1, 8):
        put(running, number)
        running.flush()
        assert shown(page(None)) == str(number + 1)
    assert {one.name for one in tmp_path.iterdir()} >= {"run.sqlite", "run.lock"}
    assert not (tmp_path / "report.html").exists()


def test_a_run_that_has_not_begun_is_waited_for(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    first = page(None)
    assert "the run has not begun" in shown(first, "live-told")
    assert page(tag(first)) is None
    with Store.open(tmp_path):
        assert "is running" in shown(page(tag(first)), "live-told")
    assert "it ended after" in shown(page(None), "live-told")


def test_a_killed_run_says_so_and_gets_its_map_beside(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        put(store, 0)
    with sqlite3.connect(tmp_path / "run.sqlite") as db:
        db.execute("UPDATE attempts SET ended=NULL")
    asked = threading.Event()
    page = LivePage(str(tmp_path), lambda: asked.set())
    first = page(None)
    assert "it broke off" in shown(first, "live-told")
    assert "it broke off without saying why" in (first or "")
    assert "are being made" in shown(first, "why-not")
    assert asked.wait(30)
    until = time.monotonic() + 30
    while (second := page(tag(first))) is None and time.monotonic() < until:
        time.sleep(0.02)
    assert "without an embedding model" in shown(second, "why-not")
    assert page(tag(second)) is None


def test_a_map_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        put(store, 0)

    def broken() -> None:
        raise RuntimeError("the <model> is torn")

    page = LivePage(str(tmp_path), broken)
    first = page(None)
    until = time.monotonic() + 30
    while (second := page(tag(first))) is None and time.monotonic() < until:
        time.sleep(0.02)
    assert shown(second, "why-not") == "There is no map: the &lt;model&gt; is torn."


def test_a_run_that_was_begun_anew_is_shown_anew(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for number in range(5):
            put(store, number)
    page = page_of(tmp_path)
    assert shown(page(None)) == "5"
    with Store.open(tmp_path) as store:
        put(store, 0)
        store.flush()
        assert shown(page(None)) == "1"
        assert "attempt 2" in shown(page(None), "live-told")
    with Store.open(tmp_path, fresh=True):
        assert shown(page(None)) == "0"


def test_states_are_made_no_oftener_than_a_tenth_of_the_time(
    running: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_LEAST", 3600.0)
    page = page_of(tmp_path)
    first = page(None)
    put(running, 1)
    running.flush()
    assert page(tag(first)) is None
    assert page(None) == first


def test_texts_of_rows_end_no_element_of_the_page(running: Store, tmp_path: Path) -> None:
    put(running, 1, HOSTILE)
    running.set("pipeline", HOSTILE)
    running.flush()
    page = page_of(tmp_path)(None) or ""
    assert "<img" not in page
    assert page.count("</script>") == 2


def test_a_store_that_breaks_is_told_in_the_place_of_the_page(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        put(store, 0)
    page = page_of(tmp_path)
    page(None)
    (tmp_path / "run.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(StoreDamaged, match="evolsynth rescue"):
        page(None)
    (tmp_path / "run.sqlite").unlink()
    (tmp_path / "rows.jsonl").write_text("")
    with pytest.raises(InputError, match="there is no run here"):
        page(None)


# --- who is answered


@pytest.fixture
def server() -> Iterator[PageServer]:
    def page(since: str | None) -> str | None:
        if since == "broken":
            raise EngineError("the <b>store</b> is gone")
        return None if since == "now" else "<p>a page</p>"

    with PageServer(page) as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        one.shutdown()
        thread.join()


def ask(
    server: PageServer, path: str, method: str = "GET", host: str | None = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    return connection.getresponse()


def test_the_page_is_at_its_address_alone(server: PageServer) -> None:
    home = f"/{server.token}/"
    answer = ask(server, home)
    assert (answer.status, answer.read()) == (200, b"<p>a page</p>")
    assert answer.getheader("Cache-Control") == "no-store"
    assert answer.getheader("X-Frame-Options") == "DENY"
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    assert answer.getheader("Server") == "evolsynth "
    assert ask(server, f"{home}news?since=now").status == 204
    assert ask(server, f"{home}news?since=then").read() == b"<p>a page</p>"
    assert ask(server, home, host=f"localhost:{server.server_port}").status == 200
    assert ask(server, f"{home}../etc/passwd").status == 404
    assert ask(server, f"{home}run.sqlite").status == 404
    assert server.server_address[0] == "127.0.0.1"
    broken = ask(server, f"{home}news?since=broken")
    assert (broken.status, broken.read()) == (503, b"the <b>store</b> is gone")
    assert (broken.getheader("Content-Type") or "").startswith("text/plain")


@pytest.mark.parametrize("path", ["/", "", "/news", "/x/", "/{short}/", "/{token}x/", "/%C3%A9/"])
def test_without_the_token_nothing_is_told(path: str, server: PageServer) -> None:
    path = path.format(token=server.token, short=server.token[:-1])
    answer = ask(server, path or "*")
    assert answer.status == 403
    assert server.token not in answer.read().decode()


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:{port}", "127.0.0.1", "[::1]:{port}"]
)
def test_a_name_that_was_pointed_here_is_refused(host: str, server: PageServer) -> None:
    told = host.format(port=server.server_port)
    assert ask(server, f"/{server.token}/", host=told).status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "BREW"])
def test_nothing_but_get_is_answered(method: str, server: PageServer) -> None:
    answer = ask(server, f"/{server.token}/", method)
    assert (answer.status, answer.getheader("Allow")) == (405, "GET")


def test_each_server_has_a_port_and_a_token_of_its_own() -> None:
    with PageServer(lambda _: "") as one, PageServer(lambda _: "") as other:
        assert one.server_port != other.server_port
        assert one.token != other.token
        assert len(one.token) == 32
        with pytest.raises(InputError, match=f"Port {one.server_port} cannot be had"):
            PageServer(lambda _: "", one.server_port)


# --- where


def port_taken(folder: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The port that the command shows a run at; it is ended at once."""
    ports: list[int] = []

    def ended(server: PageServer, poll_interval: float) -> None:
        ports.append(server.server_port)
        raise KeyboardInterrupt

    monkeypatch.setattr(PageServer, "serve_forever", ended)
    assert main(["report", "--live", folder]) == 0
    return ports[0]


def test_a_run_has_a_port_of_its_own_however_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser keeps marks by address and port."""
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to("one")
    monkeypatch.chdir(tmp_path)
    port = port_of("one")
    assert 20_000 <= port < 32_000  # below the ports that systems give away
    assert {port_of(name) for name in (str(tmp_path / "one"), "link", "./one/../one/")} == {port}
    assert len({port_of(str(tmp_path / str(n))) for n in range(50)}) > 45
    assert [port_taken("one", monkeypatch), port_taken("link", monkeypatch)] == [port, port]


def test_where_it_is_in_use_another_is_found_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = port_of(str(tmp_path))
    with PageServer(lambda _: "", own):
        assert port_taken(str(tmp_path), monkeypatch) != own
        said = capsys.readouterr()
        assert f"Port {own}, which is this run's own, is in use" in said.err
        assert main(["report", "--live", str(tmp_path), "--port", str(own)]) == 1
        assert f"Port {own} cannot be had" in capsys.readouterr().err


# --- mistakes, and the end


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "nowhere: there is no run here"),
        (["rows.jsonl"], "--live shows a run, and this is a file"),
        (["data"], "data: there is no run here"),
        (["empty", "-o", "page.html"], "Leave one of them out"),
        (["empty", "--format", "alpaca", "--skip-bad"], "Leave out --format, --skip-bad"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text("{}\n")
    for name in ("data", "empty"):
        Path(name).mkdir()
    Path("data/accepted.jsonl").write_text("{}\n")
    assert main(["report", "--live", *words]) == 1
    said = capsys.readouterr()
    assert told in said.err
    assert "http" not in said.out


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_a_port_is_a_number_of_a_port(port: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["report", "--live", "runs", "--port", port])


def test_a_port_is_for_a_live_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["report", str(tmp_path), "--port", "8080"]) == 1
    assert "--port goes with --live" in capsys.readouterr().err


def test_ctrl_c_ends_it_with_a_line_and_leaves_the_run_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        put(store, 0)
        store.flush()
        command = [sys.executable, "-m", "evolsynth", "report", "--live", str(tmp_path)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, **pipes) as process:
            assert process.stdout
            assert "Ctrl-C ends it, not the run" in process.stdout.readline()
            address = process.stdout.readline()
            port, token = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/([\w-]+)/\n", address).groups()  # type: ignore[union-attr]
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
            connection.request("GET", f"/{token}/")
            assert b'id="live-told"' in connection.getresponse().read()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert out == "Ended. The run was not touched.\n"
        assert "Traceback" not in err
        assert process.returncode == 0
        put(store, 1)
        store.flush()
