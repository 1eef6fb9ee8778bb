"""Ray Data in and out of pipelines, on a real Ray: rows, their order, their forms, what fails."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from ray_models import echo
from ray_rows import fails_late, later_first, longer

from evolsynth.cli.main import main
from evolsynth.cluster import Ray, dataset_of, datasets
from evolsynth.data import origin
from evolsynth.data.files import read_rows
from evolsynth.doing import _hearers
from evolsynth.errors import InputError
from evolsynth.pipeline import load, respond, write_yaml
from evolsynth.pipeline.run.run import RunOptions
from evolsynth.pipeline.run.run import run as run_pipeline
from evolsynth.rows import Row, Verdict, write_rows
from evolsynth.store.status import read_status

ray = pytest.importorskip("ray", reason="Ray is not installed")
pytest.importorskip("ray.data", reason="Ray Data is not installed")
pytestmark = pytest.mark.usefixtures("cluster")

ROOT = Path(__file__).parents[2]
ROWS = [
    Row.make(
        f"Name thing {n}.",
        response=f"It is thing {n}.",
        verdict=Verdict(accepted=True),
        extra={"own": [n, {"a": n}] if n % 2 else "text", "tags": ["x"] * (n % 3)},
    )
    for n in range(60)
]
ASKED = [f"Name thing {n}." for n in range(40)]


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What was told to whoever waits."""
    sentences: list[str] = []
    _hearers.append(sentences.append)
    yield sentences
    _hearers.remove(sentences.append)


def items(rows: list[dict[str, Any]], blocks: int = 4) -> Any:
    return ray.data.from_items(rows, override_num_blocks=blocks)


def asked(blocks: int = 4) -> Any:
    return items([{"instruction": text} for text in ASKED], blocks)


def ran(data: object, folder: Path, **more: Any) -> bytes:
    """What a run of nothing but a source leaves."""
    options = RunOptions(embedder=None, report=False, signals=False, **more)
    asyncio.run(run_pipeline(load(data).using(name="test"), folder, options))
    return (folder / "accepted.jsonl").read_bytes()


# In and out ---------------------------------------------------------------------------------------


def test_rows_come_back_from_shards_and_runs_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    write_rows(run / "accepted.jsonl", ROWS)
    wanted = ran(run, tmp_path / "plain")
    assert wanted.count(b"\n") == len(ROWS)
    words = ["export", str(run), "--format", "parquet", "--shards", "3", "-o", str(out)]
    assert main(words) == 0
    assert ran(dataset_of(out), tmp_path / "shards") == wanted
    monkeypatch.setattr(datasets, "_PIECE", 1000)  # several pieces, with a row on each border
    data = dataset_of(run)
    assert ran(data, tmp_path / "again") == wanted
    assert data.schema().names == dataset_of(out).schema().names


def test_shards_of_trainers_lines_and_parts(tmp_path: Path) -> None:
    rivers = ("Ucayali", "Vltava", "Ouse", "Tagus", "Volga", "Niger", "Indus", "Yukon")
    rows = [Row.make(f"Where does the {name} rise?", response="Here.") for name in rivers]
    write_rows(tmp_path / "rows.jsonl", rows)
    for more in (["-o", f"{tmp_path}/a"], ["-o", f"{tmp_path}/b", "--split", "left=0.5,right=0.5"]):
        words = ["export", f"{tmp_path}/rows.jsonl", "--format", "alpaca", "--shards", "2", *more]
        assert main(words) == 0
    lines = list(dataset_of(tmp_path / "a").iter_rows())
    assert [line["instruction"] for line in lines] == [row.instruction for row in rows]
    with pytest.raises(InputError, match=r"there are several parts\. Name one: left, right"):
        dataset_of(tmp_path / "b")
    with pytest.raises(InputError, match="there is no part 'test', but left, right"):
        dataset_of(tmp_path / "b", part="test")
    halves = [dataset_of(tmp_path / "b", part=part).count() for part in ("left", "right")]
    assert sum(halves) == len(rows)


def test_a_folder_without_rows_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        dataset_of(tmp_path / "none")
    with pytest.raises(InputError, match=r"no accepted.jsonl in this folder, and no shard"):
        dataset_of(tmp_path)
    (tmp_path / "accepted.jsonl").touch()
    with pytest.raises(InputError, match="a run has no parts"):
        dataset_of(tmp_path, part="train")
    empty = dataset_of(tmp_path)
    assert empty.count() == 0


# In -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_rows_come_in_order_whatever_block_is_made_first(blocks: int) -> None:
    data = asked(blocks).map(later_first)
    context = data.context
    before = context.execution_options.preserve_order, context.enable_progress_bars
    source = origin(data)
    assert [row.instruction for row in source] == ASKED
    assert (context.execution_options.preserve_order, context.enable_progress_bars) == before


def test_it_is_counted_only_where_ray_knows() -> None:
    assert origin(asked()).count() == len(ASKED)
    assert origin(asked()).columns() == {"instruction": "text"}
    later = origin(asked().filter(lambda row: "1" in row["instruction"]))
    assert later.count() is None
    assert origin(asked(), limit=7).count() == 7


def test_a_row_is_computed_once_though_the_first_is_looked_at(tmp_path: Path) -> None:
    def noted(row: dict[str, Any], place: str = str(tmp_path)) -> dict[str, Any]:
        with Path(place, row["instruction"]).open("a") as file:
            file.write("x")
        return row

    source = origin(asked().map(noted))
    assert source.columns() == {"instruction": "text"}  # of which its schema says nothing
    assert len(list(source)) == len(ASKED)
    assert {file.read_text() for file in tmp_path.iterdir()} == {"x"}
    assert len(list(source)) == len(ASKED)  # it can be read again, and is computed again


@pytest.mark.parametrize(
    ("record", "title"),
    [
        ({"instruction": "Name a lake.", "input": "", "output": "Como."}, "Alpaca"),
        (
            {"conversations": [{"from": "human", "value": "Name a lake."},
                               {"from": "gpt", "value": "Como."}]},
            "ShareGPT",
        ),
        (
            {"messages": [{"role": "user", "content": "Name a lake."},
                          {"role": "assistant", "content": "Como."}]},
            "chat messages",
        ),
    ],
)  # fmt: skip
def test_forms_are_known(record: dict[str, Any], title: str, said: list[str]) -> None:
    (row,) = origin(items([record], 1))
    assert (row.instruction, row.response) == ("Name a lake.", "Como.")
    assert any(f"read as {title}" in one for one in said)


def test_columns_of_lists_arrays_and_bytes(said: list[str]) -> None:
    made = [
        {"instruction": text, "tags": ["a"] * n, "at": np.ones(3) * n, "image": b"\x00"}
        for n, text in enumerate(ASKED[:4])
    ]
    source = origin(items(made, 2))
    assert source.columns() == {"instruction": "text", "tags": "texts", "at": "any"}
    assert [row.extra for row in source] == [
        {"tags": ["a"] * n, "at": [float(n)] * 3} for n in range(4)
    ]
    assert any("without image, which holds bytes and no text" in one for one in said)


def test_a_data_set_without_rows_is_told(tmp_path: Path) -> None:
    for empty in (ray.data.from_items([]), asked().filter(lambda _: False)):
        with pytest.raises(InputError, match=r"Ray Dataset: the data set has no rows"):
            ran(empty, tmp_path)


def test_options_of_a_source_and_bad_rows() -> None:
    data = items([{"prompt": "Name a lake.", "id": "a"}, {"prompt": "Name a sea.", "id": "a"}], 2)
    data.set_name("lakes")
    with pytest.raises(InputError, match=r"^lakes, row 2, field 'id': 'a' is the id of row 1 too"):
        list(origin(data, field="prompt"))
    rows = list(origin(data, field="prompt", skip_bad=True, without=["id"], limit=1))
    assert [row.instruction for row in rows] == ["Name a lake."]
    with pytest.raises(InputError, match="load: data is MaterializedDataset and has no form in"):
        write_yaml(load(data).using(name="test"))


def test_what_raises_in_a_block_is_told_and_what_was_made_before_is_kept(tmp_path: Path) -> None:
    broken = asked(8).map(fails_late)
    with pytest.raises(InputError) as told:
        ran(broken, tmp_path)
    found = str(told.value)
    assert "\n" not in found
    assert "Ray Dataset: raised LookupError: nobody knows after " in found
    kept = sum(read_status(tmp_path).rows.values())
    assert 0 < kept < 26
    assert ran(asked(8), tmp_path).count(b"\n") == len(ASKED)  # mended, it goes on


def test_models_on_the_same_cluster_leave_a_processor_to_the_blocks(tmp_path: Path) -> None:
    """Else rows never come, and the workers that wait for them have all processors."""
    line = (load(asked(20).map(longer)) >> respond(max_tokens=8)).using(name="test", seed=7)
    options: dict[str, Any] = {"embedder": None, "report": False, "signals": False}
    on = Ray(models={"fake": echo})
    result = asyncio.run(
        asyncio.wait_for(
            run_pipeline(line, tmp_path / "ray", RunOptions(llm="fake", on=on, **options)), 60
        )
    )
    assert result.ended == "finished"
    plain = (load(ASKED_ROWS) >> respond(max_tokens=8)).using(name="test", seed=7)
    asyncio.run(run_pipeline(plain, tmp_path / "here", RunOptions(llm=echo(), **options)))
    here, there = (tmp_path / name / "accepted.jsonl" for name in ("here", "ray"))
    assert list(read_rows(here)) == list(read_rows(there))


ASKED_ROWS = [{"instruction": text} for text in ASKED]


def test_ray_is_not_loaded_for_other_sources() -> None:
    code = (
        "import sys; from evolsynth.data import origin; import evolsynth.cluster\n"
        "list(origin([{'instruction': 'Name a lake.'}])); assert 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


# The page -----------------------------------------------------------------------------------------


def test_the_page_runs_as_its_readers_would_try_it(
    read_through: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    names = read_through("ray-data")
    assert names["result"].ended == "finished"
    assert re.search(r"^finished 7 rows\n\d ", capsys.readouterr().out)


def test_the_pages_servers_are_asked_by_the_addresses_that_they_print(
    page_blocks: Callable[..., list[str]], tmp_path: Path
) -> None:
    (script,) = (code for code in page_blocks("ray-data") if "gpu_servers.py" in code)
    (tmp_path / "gpu_servers.py").write_text(script, encoding="utf-8")
    write_rows(tmp_path / "questions.jsonl", [Row.make(text) for text in ASKED[:3]])
    vllm = [sys.executable, str(Path(__file__).with_name("ray_vllm.py"))]
    address = ray.get_runtime_context().gcs_address
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "gpu_servers.py"), "1", "0", *vllm, "serve", "org/m"],
        env={**os.environ, "RAY_ADDRESS": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://[\d.]+:\d+", url)
        out = tmp_path / "answers.jsonl"
        words = ["--model", f"vllm:org/m@{url}", "-o", str(out), "--log", "quiet", "--no-report"]
        assert main(["respond", str(tmp_path / "questions.jsonl"), *words]) == 0
        rows = list(read_rows(out))
        assert [row.response for row in rows] == ["Bees share their work, and each has a task."] * 3
        assert rows[0].provenance["response"]["server"] == "vllm"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
    with pytest.raises(OSError, match="refused"):
        urlopen(f"{url}/health")
