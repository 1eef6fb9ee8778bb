"""A data set's card, and its way to the hub."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from served_hub import Uploads, served_hub

from evolsynth.cli.main import main
from evolsynth.errors import InputError
from evolsynth.export.hub import push_to_hub
from evolsynth.rows import Row, Verdict, write_rows

huggingface_hub = pytest.importorskip("huggingface_hub")

TOKEN = "hf_notatokenofanybody"
LAKES = ["pond", "fjord", "glacier", "canal", "spring", "delta", "marsh", "weir", "ford"]
LAKES += ["quay", "ferry", "lagoon"]
MADE = {
    "instruction": {"model": "SmolLM2-135M-Instruct", "prompt": "magpie/system", "seed": 7},
    "response": {"model": "gpt-9", "prompt": "respond/brief"},
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    good = Verdict(accepted=True, tier="unverified", task="fact")
    rows = [
        Row.make(f"Where is the {name}?", response="x " * 4000 if n == 3 else "There.",
                 method="magpie", provenance=MADE, verdict=good)
        for n, name in enumerate(LAKES)
    ]  # fmt: skip
    write_rows(tmp_path / "run" / "accepted.jsonl", rows)
    bad = [Row.make("Name it.", response="x").reject("refusal") for _ in range(3)]
    write_rows(tmp_path / "run" / "rejected.jsonl", bad)
    return tmp_path / "run"


@pytest.fixture
def hub() -> Iterator[Uploads]:
    with served_hub() as one:
        yield one


def pushed(hub: Uploads, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, for which the hub is the local one."""
    environment = {
        **{n: v for n, v in os.environ.items() if n != "HF_HUB_OFFLINE"},
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
        "no_proxy": "127.0.0.1",
    }
    words = [sys.executable, "-m", "evolsynth", "export", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False)


def everything(folder: Path) -> str:
    return "".join(file.read_text() for file in folder.rglob("*.*") if file.is_file())


def test_the_card_says_what_how_and_how_many(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lakes"
    split = "train=0.75,test=0.25"
    told = ["--split", split, "--licence", "apache-2.0", "--format", "alpaca"]
    assert main(["export", str(run), "-o", str(folder), *told]) == 0
    card = huggingface_hub.DatasetCard.load(folder / "README.md")
    assert card.data.license == "apache-2.0"
    assert card.data.size_categories == ["n<1K"]
    (config,) = card.data.configs
    assert config["data_files"] == [
        {"split": "train", "path": "train.jsonl"},
        {"split": "test", "path": "test.jsonl"},
    ]
    for said in (
        "12 lines", "| train | `train.jsonl` | 9 |", "`instruction`, `input`, `output`",
        "| magpie | 12 |", "| SmolLM2-135M-Instruct (instruction) | 12 | Apache-2.0 |",
        "| gpt-9 (response) | 12 | see the model's own page |", "| respond/brief | 12 |",
        "| accepted | 12 |", "| rejected | 3 |", "`refusal`: The text declines to answer.",
        "Nothing but the gate's rules vouches for 12 responses", "not held against any benchmark",
        "pip install evolsynth==",
    ):  # fmt: skip
        assert said in card.text, said


def test_a_data_set_of_the_card_is_found_by_datasets(run: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "lakes"
    assert main(["export", str(run), "-o", str(folder), "--split", "train=0.75,test=0.25"]) == 0
    data = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {name: part.num_rows for name, part in data.items()} == {"train": 9, "test": 3}


def test_a_dry_run_asks_nothing_of_the_hub(run: Path, tmp_path: Path, hub: Uploads) -> None:
    done = pushed(hub, run, "-o", tmp_path / "lakes", "--push", "me/data", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "me/data (private): 3 files" in done.stderr
    assert "Nothing was sent" in done.stderr
    assert hub.asked == []


def test_a_push_brings_the_files_and_the_card_and_no_token(
    run: Path, tmp_path: Path, hub: Uploads
) -> None:
    folder = tmp_path / "lakes"
    done = pushed(hub, run, "-o", folder, "--push", "me/data")
    assert done.returncode == 0, done.stderr
    assert hub.private is True
    assert hub.files["train.jsonl"] == (folder / "train.jsonl").read_bytes()
    assert hub.files["README.md"] == (folder / "README.md").read_bytes()
    assert f"Bearer {TOKEN}" in hub.tokens
    assert "Pushed to" in done.stderr
    assert TOKEN not in done.stderr + done.stdout + everything(folder)


def test_a_push_that_broke_off_goes_on_by_pushing_again(
    run: Path, tmp_path: Path, hub: Uploads
) -> None:
    folder = tmp_path / "lakes"
    assert pushed(hub, run, "-o", folder, "--push", "me/data", "--public").returncode == 0
    assert hub.private is False
    sent = [path for method, path in hub.asked if method == "PUT"]
    assert len(sent) == 1
    assert pushed(hub, run, "-o", folder, "--push", "me/data").returncode == 0
    assert [path for method, path in hub.asked if method == "PUT"] == sent, "it was there"


@pytest.mark.parametrize("broken", [0, 2])
def test_a_folder_of_many_files_arrives_whole(tmp_path: Path, hub: Uploads, broken: int) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(120):
        (folder / f"part-{number}.jsonl").write_text(f'{{"n": {number}}}\n' * (number * 40 + 1))
    (folder / ".cache").mkdir()
    (folder / ".cache" / "own.txt").write_text("of this machine")
    program = "from evolsynth.export.hub import push_to_hub as p; [*p({!r}, 'me/data')]"
    environment = {n: v for n, v in os.environ.items() if n != "HF_HUB_OFFLINE"} | {
        "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1",
        "no_proxy": "127.0.0.1",
    }  # fmt: skip
    words = [sys.executable, "-c", program.format(str(folder))]
    hub.broken = broken
    for _ in range(2 if broken else 1):  # what broke off is gone on with by the same call
        done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
        assert "AttributeError" not in done.stderr
    assert done.returncode == 0, done.stderr
    assert hub.private is True
    assert hub.files == {file.name: file.read_bytes() for file in folder.glob("*.jsonl")}


def test_what_the_hub_refuses_is_told_without_the_token(
    run: Path, tmp_path: Path, hub: Uploads
) -> None:
    hub.status = 403
    done = pushed(hub, run, "-o", tmp_path / "lakes", "--push", "me/data")
    assert done.returncode == 1
    assert "The hub refused" in done.stderr
    assert "token that may write" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secretsecret" not in done.stderr
    assert (tmp_path / "lakes" / "train.jsonl").is_file()


@pytest.mark.parametrize(("name", "said"), [("data", "OWNER/NAME"), ("a/b/c", "OWNER/NAME")])
def test_a_name_that_is_none_is_told(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        list(push_to_hub(tmp_path, name, dry_run=True))


def test_a_header_that_is_no_yaml_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: [\n---\n")
    with pytest.raises(InputError, match="the header is wrong"):
        list(push_to_hub(tmp_path, "me/data", dry_run=True))


def test_a_command_with_a_key_in_it_is_not_told_on_the_card(run: Path, tmp_path: Path) -> None:
    from evolsynth.export.card import card_of
    from evolsynth.export.export import Exported, Output

    words = ["export", "--token", "hf_abcdefghijkl", "--model", "openai:x?api_key=sk-12345678abc"]
    text = card_of(list, str(run), Exported(), Output(output="x"), command=words)
    assert "abcdefghijkl" not in text
    assert "12345678abc" not in text
