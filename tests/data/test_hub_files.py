"""Single files of data sets on the hub, by their addresses."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pytest
from local_hub import Hub, hub
from pyarrow import parquet

from evolsynth.cli.main import main
from evolsynth.data.hub_file import Address, file_address
from evolsynth.data.open import origin
from evolsynth.errors import EvolsynthError, InputError, SetupError

__all__ = ["hub"]

pytest.importorskip("huggingface_hub")
ROWS = [{"instruction": "Name a bay in Canada.", "n": 1}, {"instruction": "Name a cape.", "n": 2}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
AT = "/datasets/lakes/deep/resolve"


def table() -> bytes:
    made = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(ROWS), made)
    return made.getvalue()


def asks(address: str, **reading: Any) -> list[str | None]:
    return [row.instruction for row in origin(address, **reading)]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("hf://datasets/a/b/rows.jsonl", Address("a/b", None, "rows.jsonl")),
        ("hf://datasets/a/b/data/train-00000-of-00001.parquet",
         Address("a/b", None, "data/train-00000-of-00001.parquet")),
        ("hf://datasets/a/b@v1.0/rows.csv", Address("a/b", "v1.0", "rows.csv")),
        ("hf://datasets/a/b@refs/convert/parquet/default/train/0000.parquet",
         Address("a/b", "refs/convert/parquet", "default/train/0000.parquet")),
        ("hf://datasets/a/b@refs%2Fpr%2F3/rows.jsonl", Address("a/b", "refs/pr/3", "rows.jsonl")),
        ("hf://a/b/rows.jsonl.gz", Address("a/b", None, "rows.jsonl.gz")),
        ("hf://a/b", None),
        ("hf://datasets/a/b", None),
        ("hf://a/b/small@test", None),
        ("hf://a/b/v1.0@test", None),
    ],
)  # fmt: skip
def test_addresses_of_files_and_of_data_sets(address: str, told: Address | None) -> None:
    assert file_address(address) == told


def test_a_file_is_fetched_once_and_read(hub: Hub) -> None:
    hub.files |= {f"{AT}/main/data/a.jsonl": LINES, f"{AT}/main/a.parquet": table(),
                  f"{AT}/v2/data/a.jsonl": LINES.splitlines()[1]}  # fmt: skip
    source = origin("hf://datasets/lakes/deep/data/a.jsonl")
    assert not hub.asked  # nothing before the first look
    assert source.columns() == {"instruction": "text", "n": "number"}
    assert source.count() == 2
    assert [row.instruction for row in source] == [row["instruction"] for row in ROWS]
    assert sum(one.path.endswith("a.jsonl") for one in hub.gets) == 1
    assert asks("hf://lakes/deep/a.parquet", limit=1) == ["Name a bay in Canada."]
    assert asks("hf://datasets/lakes/deep@v2/data/a.jsonl") == ["Name a cape."]


def test_commands_read_it_too(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.files[f"{AT}/main/a.jsonl"] = LINES + LINES
    assert main(["dedup", "hf://datasets/lakes/deep/a.jsonl", "--method", "exact"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ROWS


def test_a_bad_line_is_named_by_its_address(hub: Hub) -> None:
    hub.files[f"{AT}/main/a.jsonl"] = LINES + b"{broken\n"
    with pytest.raises(InputError, match=r"hf://datasets/lakes/deep/a\.jsonl, line 3: not JSON"):
        asks("hf://datasets/lakes/deep/a.jsonl")


REFUSED: dict[str, tuple[int, str, str, type[EvolsynthError]]] = {
    "gated": (403, "GatedRepo", "Ask for access on its page", InputError),
    "unknown": (404, "RepoNotFound", "no such data set, or it is private", InputError),
    "no such file": (404, "EntryNotFound", "no such file in the data set", InputError),
    "no such revision": (404, "RevisionNotFound", "no such revision", InputError),
    "broken": (500, "", "the hub cannot be reached|cannot be fetched", SetupError),
}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again without waiting."""
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)


@pytest.mark.parametrize("how", REFUSED)
@pytest.mark.usefixtures("at_once")
def test_what_the_hub_refuses_is_told(hub: Hub, how: str) -> None:
    status, code, told, kind = REFUSED[how]
    hub.refused[f"{AT}/main/a.jsonl"] = (status, code)
    with pytest.raises(kind, match=told) as caught:
        asks("hf://datasets/lakes/deep/a.jsonl")
    assert str(caught.value).startswith("hf://datasets/lakes/deep/a.jsonl: ")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("at_once")
def test_without_a_network_it_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SetupError, match="the hub cannot be reached, and the file is not"):
        asks("hf://datasets/lakes/deep/a.jsonl")


def test_offline_by_choice_it_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(SetupError, match="HF_HUB_OFFLINE is set, and the file is not in the cache"):
        asks("hf://datasets/lakes/deep/a.jsonl")


def test_what_was_fetched_is_read_without_a_network(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files[f"{AT}/main/a.jsonl"] = LINES
    assert len(asks("hf://datasets/lakes/deep/a.jsonl")) == 2
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert len(asks("hf://datasets/lakes/deep/a.jsonl")) == 2


def test_tokens_are_not_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def fails(*_: Any, **__: Any) -> str:
        raise ValueError("no right for hf_secretsecret")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fails)
    with pytest.raises(SetupError, match=r"no right for \*\*\*"):
        asks("hf://datasets/lakes/deep/a.jsonl")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("hf://datasets/a/b/rows.jsonl@test", "one file has no parts; a revision stands before"),
        ("hf://datasets/a/b/picture.png", "not a kind of file that is read here"),
        ("hf://datasets/a/b/data", "not a kind of file that is read here"),
        ("hf://datasets/a//b", "write hf://owner/name"),
    ],
)
def test_an_address_of_no_file(address: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        origin(address)
