"""`dedup --ray` and `gate --ray` on a real Ray: the rows of one process, whatever happens."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from evals.gate_rows import planted
from evals.shard_rows import row as made_row
from evolsynth.cli.main import main
from evolsynth.cluster import bands, dedup, parts
from evolsynth.cluster.connect import connected
from evolsynth.errors import InputError, SetupError

pytest.importorskip("ray")

PASSAGE = (
    "The harbour of the old town was built by fishermen who wanted a wall against the northern "
    "storms, and it took them eleven winters to carry the stones down from the quarry."
)


def rows(count: int) -> list[dict[str, Any]]:
    """Requests with copies planted among them, some with a text that they are about, some as a
    conversation, and some with neither id nor copy."""
    draw = random.Random(5)
    made: list[dict[str, Any]] = []
    for place in range(count):
        text, truth = made_row(3, place)
        one: dict[str, Any] = {"id": f"r{place}", "instruction": text, "n": place % 7}
        if place % 5 == 0:  # the same questions about several texts, one of them nearly another's
            one["instruction"] = f"Say in one sentence what the text tells, please ({place % 3})."
            about = PASSAGE.replace("eleven", str(draw.randrange(3)))
            one["input"] = about.replace("wall", draw.choice(("wall", "wall", "dam")))
        if place % 11 == 0:
            turns = ["user", "assistant", "user"]
            said = [one["instruction"], "Yes.", f"And in town {draw.randrange(40)}?"]
            one["messages"] = [
                {"role": role, "content": text} for role, text in zip(turns, said, strict=True)
            ]
        assert truth is None or place > 0
        made.append(one)
    return made


def as_lines(folder: Path, made: Sequence[dict[str, Any]], files: int = 5) -> Path:
    folder.mkdir()
    each = -(-len(made) // files)
    for k in range(files):
        lines = "".join(json.dumps(one) + "\n" for one in made[k * each : (k + 1) * each])
        (folder / f"rows-{k}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tables(folder: Path) -> list[dict[str, Any]]:
    found = []
    for place in sorted(folder.glob("*.parquet")):
        found += parquet.read_table(place).to_pylist()
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {place.name: place.read_bytes() for place in sorted(folder.iterdir())}


def bare(one: dict[str, Any]) -> dict[str, Any]:
    """A row of a table without the columns that it has only because others do."""
    return {name: value for name, value in one.items() if value is not None}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_lines(tmp_path_factory.mktemp("shards") / "rows", rows(3000))


@pytest.fixture(scope="module")
def alone(data: Path) -> Path:
    """What one process makes of it, without Ray."""
    place = data.parent
    command = ["dedup", str(data), "-o", str(place / "kept.jsonl"), "--method", "minhash"]
    assert main([*command, "--duplicates", str(place / "gone.jsonl")]) == 0
    return place


@pytest.fixture(scope="module")
def sharded(data: Path, cluster: Any) -> Path:
    """What Ray makes of it, by the command."""
    place = data.parent
    command = ["dedup", str(data), "-o", str(place / "kept"), "--method", "minhash", "--ray"]
    assert main([*command, "--duplicates", str(place / "gone")]) == 0
    return place


# Duplicates ---------------------------------------------------------------------------------------


def test_the_rows_that_stay_are_those_of_one_process(alone: Path, sharded: Path) -> None:
    wanted = lines(alone / "kept.jsonl")
    assert 1500 < len(wanted) < 2950
    assert [bare(one) for one in tables(sharded / "kept")] == wanted
    assert [place.name for place in sorted((sharded / "kept").iterdir())] == [
        f"part-0000{k}.parquet" for k in range(5)
    ]


def test_the_others_lost_to_the_same_rows(alone: Path, sharded: Path) -> None:
    wanted = lines(alone / "gone.jsonl")
    places = {one["id"]: k for k, one in enumerate(rows(3000), 1)}
    assert {"exact", "near"} == {one["kind"] for one in wanted}
    assert any("input" in one["row"] for one in wanted)
    told = tables(sharded / "gone")
    assert [(bare(one["row"]), one["kind"], one["similarity"]) for one in told] == [
        (one["row"], one["kind"], pytest.approx(one["similarity"])) for one in wanted
    ]
    assert [one["kept_number"] for one in told] == [places[one["kept_id"]] for one in wanted]
    assert [one["number"] for one in told] == [places[one["row"]["id"]] for one in wanted]


def test_one_worker_and_shards_of_any_size_write_the_same_bytes(
    data: Path, sharded: Path, tmp_path: Path
) -> None:
    """By the command in a process of its own, which leaves no process behind."""
    small = "from evolsynth.cluster import dedup\ndedup._ROWS, dedup._PAIRS = 700, 90\n"
    code = f"{small}import sys\nfrom evolsynth.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "dedup", str(data), "-o", str(tmp_path / "kept")]
    command += ["--duplicates", str(tmp_path / "gone"), "--method", "minhash"]
    command += ["--ray", "--workers", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        started = set[int]()
        while process.poll() is None:
            started |= below(process.pid)
            time.sleep(0.2)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert "3,000 rows = " in said
    for name in ("kept", "gone"):
        assert contents(tmp_path / name) == contents(sharded / name)
    assert started
    assert not [pid for pid in started if command_of(pid).startswith(("ray", "/")) and ours(pid)]


def test_exact_duplicates_alone(data: Path, cluster: Any, tmp_path: Path) -> None:
    command = ["dedup", str(data), "--method", "exact", "-o"]
    assert main([*command, str(tmp_path / "kept.jsonl")]) == 0
    assert main([*command, str(tmp_path / "kept"), "--ray"]) == 0
    assert [bare(one) for one in tables(tmp_path / "kept")] == lines(tmp_path / "kept.jsonl")


def test_buckets_of_many_alike_rows_are_gone_through_again(cluster: Any, tmp_path: Path) -> None:
    """Rows so alike that not all pairs of a bucket are looked at in one round."""
    head = "Please write a short and friendly note to my neighbour about the garden fence which"
    words = ["leans", "sags", "rots", "creaks", "wobbles", "tilts", "bends", "cracks"]
    ends = [f"{words[k % 8]} {words[k // 8 % 8]} {'again ' * (k % 3)}." for k in range(600)]
    made = [{"id": str(k), "instruction": f"{head} {end}"} for k, end in enumerate(ends)]
    data = as_lines(tmp_path / "rows", made, files=3)
    command = ["dedup", str(data), "--method", "minhash", "-o"]
    assert main([*command, str(tmp_path / "kept.jsonl")]) == 0
    assert main([*command, str(tmp_path / "kept"), "--ray"]) == 0
    assert tables(tmp_path / "kept") == lines(tmp_path / "kept.jsonl")


def test_row_groups_of_parquet_files_are_parts(
    data: Path, alone: Path, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns that the rows' form does not know come out as they came in."""
    monkeypatch.setattr(parts, "ROWS", 500)
    (tmp_path / "rows").mkdir()
    made = pa.Table.from_pylist(rows(3000)).append_column("raw", [[b"\0\1"] * 3000])
    for k, start in enumerate((0, 1700)):
        parquet.write_table(
            made.slice(start, 1700), tmp_path / "rows" / f"{k}.parquet", row_group_size=300
        )
    counts = dedup.dedup_folder(str(tmp_path / "rows"), str(tmp_path / "kept"))
    kept = tables(tmp_path / "kept")
    assert [one["id"] for one in kept] == [one["id"] for one in lines(alone / "kept.jsonl")]
    assert counts.rows == 3000
    assert {one["raw"] for one in kept} == {b"\0\1"}
    assert len(list((tmp_path / "kept").iterdir())) == 6


@pytest.mark.parametrize(
    ("rename", "more"),
    [
        ({"instruction": "question", "n": "m"}, ["--rename", "question=instruction"]),
        ({}, ["--without", "n", "--skip-bad"]),
        ({"instruction": "prompt"}, ["--field", "prompt", "--skip-bad"]),
    ],
)
def test_rows_are_read_as_in_one_process(
    cluster: Any,
    tmp_path: Path,
    rename: dict[str, str],
    more: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Renamed, without a column, compared by another, and with lines that are none."""
    made = [{rename.get(name, name): value for name, value in one.items()} for one in rows(600)]
    data = as_lines(tmp_path / "rows", made, files=3)
    if "--skip-bad" in more:
        for place in sorted(data.iterdir())[:2]:
            content = place.read_text(encoding="utf-8").splitlines(keepends=True)
            place.write_text("".join([*content[:30], "{no\n", *content[30:]]), encoding="utf-8")
    command = ["dedup", str(data), "--method", "minhash", *more, "-o"]
    assert main([*command, str(tmp_path / "kept.jsonl")]) == 0
    said = capsys.readouterr().err
    assert main([*command, str(tmp_path / "kept"), "--ray"]) == 0
    assert [bare(one) for one in tables(tmp_path / "kept")] == lines(tmp_path / "kept.jsonl")
    bad = [line for line in said.splitlines() if "2 rows are bad" in line]
    assert len(bad) == ("--skip-bad" in more)
    assert set(bad) <= set(capsys.readouterr().err.splitlines())


def test_chats_are_compared_by_what_is_asked(cluster: Any, tmp_path: Path) -> None:
    made = [
        {"messages": [{"role": "user", "content": row["instruction"]},
                      {"role": "assistant", "content": f"Answer {k}."}]}
        for k, row in enumerate(rows(400))
    ]  # fmt: skip
    data = as_lines(tmp_path / "rows", made, files=3)
    command = ["dedup", str(data), "--method", "minhash", "-o"]
    assert main([*command, str(tmp_path / "kept.jsonl")]) == 0
    assert main([*command, str(tmp_path / "kept"), "--ray"]) == 0
    assert tables(tmp_path / "kept") == lines(tmp_path / "kept.jsonl")
    assert len(tables(tmp_path / "kept")) < 390


def test_columns_of_two_types_are_told(
    cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [
        {"instruction": f"Name {k} large rivers.", "odd": odd} for k, odd in enumerate((1, "a"))
    ]
    for files in (1, 2):
        data = as_lines(tmp_path / f"rows-{files}", made, files=files)
        out = str(tmp_path / f"kept-{files}")
        assert main(["dedup", str(data), "-o", out, "--method", "exact", "--ray"]) == 1
        said = capsys.readouterr().err.splitlines()[-1]
        assert "odd" in said
        assert "--without NAME" in said


def test_lines_are_parted_at_their_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LINES", 100)
    place = tmp_path / "rows.jsonl"
    made = [{"instruction": "x" * (k * 37 % 150), "k": k} for k in range(60)]
    place.write_text("".join(json.dumps(one) + "\n\n" for one in made)[:-2], encoding="utf-8")
    some = parts.parts_of(str(place), {})
    assert len(some) > 20
    found = [one.given for part in some for _, one in parts.records(part, {})]
    assert found == made


def test_a_killed_worker_costs_nothing(data: Path, sharded: Path, tmp_path: Path) -> None:
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.005) and len(killed) < 2:
            for pid in below(os.getpid()):
                if (
                    command_of(pid).startswith(("ray::sign", "ray::band_pairs"))
                    and pid not in killed
                ):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                    break

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        dedup.dedup_folder(str(data), str(tmp_path / "kept"), duplicates=str(tmp_path / "gone"))
    finally:
        over.set()
        thread.join()
    assert killed
    for name in ("kept", "gone"):
        assert contents(tmp_path / name) == contents(sharded / name)


def below(process: int) -> set[int]:
    """All processes that a process has started, and theirs."""
    found, left = set[int](), [process]
    while left:
        try:
            tasks = list(Path(f"/proc/{left.pop()}/task").iterdir())
            for task in tasks:
                children = set(map(int, (task / "children").read_text().split())) - found
                found |= children
                left += children
        except OSError:
            continue
    return found


def command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def ours(process: int) -> bool:
    """Whether a process that was started by one that has ended still goes on."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
    return "State:\tZ" not in status


def test_a_run_that_is_ended_leaves_nothing_behind(data: Path, tmp_path: Path) -> None:
    """SIGTERM while parts are read: the status that other commands have, no file, no process."""
    command = [sys.executable, "-m", "evolsynth", "dedup", str(data), "-o", str(tmp_path / "kept")]
    command += ["--method", "minhash", "--ray", "--workers", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            started = below(process.pid)
            if any(command_of(pid).startswith("ray::sign") for pid in started):
                break
            time.sleep(0.05)
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert said.splitlines()[-1] == "evolsynth: stopped."
    assert list((tmp_path / "kept").iterdir()) == []
    assert not [pid for pid in started if ours(pid)]


# The gate -----------------------------------------------------------------------------------------


def gate_rows(count: int) -> list[dict[str, Any]]:
    """Rows with planted defects, and some without an id, evolved, about a text, or said twice."""
    draw = random.Random(2)
    some = [one.row.to_dict() for one in planted(count, seed=2)]
    made: list[dict[str, Any]] = []
    for k, row in enumerate(some):
        one = {name: value for name, value in row.items() if value not in (None, [], {}, ())}
        if k % 7 == 0:
            del one["id"]
        if k % 50 == 1:
            one["instruction"] = some[draw.randrange(k)]["instruction"].upper()
        if k % 45 == 44:  # evolved from an earlier row, which it repeats
            one |= {"parents": [some[k - 40]["id"]], "instruction": some[k - 40]["instruction"]}
        if k % 97 == 3:
            one["input"] = f"The market opens at noon, says stall {draw.randrange(5)}."
        made.append(one)
        if k % 111 == 8:
            made.append({"instruction": "Explain how rivers shape the land around them."})
    return made


@pytest.mark.parametrize(
    ("count", "more", "expected"),
    [
        (1500, ["--no-embedder"], {"exact_duplicate", "refusal", "broken_off", "repetition"}),
        pytest.param(
            500, [], {"exact_duplicate", "near_duplicate", "refusal"}, marks=pytest.mark.real
        ),
        (200, ["--no-embedder", "--settings", "least_tier: verified"], {"exact_duplicate"}),
    ],
    ids=["rules", "meaning", "waiting"],
)
def test_verdicts_are_those_of_one_process(
    cluster: Any,
    tmp_path: Path,
    count: int,
    more: list[str],
    expected: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evolsynth.cluster.gate._MOST_SHARDS", 2)
    data = as_lines(tmp_path / "rows", gate_rows(count), files=4 if count > 1000 else 2)
    if "--settings" in more:
        (tmp_path / "gate.yaml").write_text(more[-1])
        more = [*more[:-1], str(tmp_path / "gate.yaml")]
    command = ["gate", str(data), *more]
    one, other = ["good.jsonl", "bad.jsonl"], ["good", "bad"]
    for names, ray_too in ((one, []), (other, ["--ray"])):
        good, bad = (str(tmp_path / name) for name in names)
        assert main([*command, "-o", good, "--rejects", bad, *ray_too]) == 0
    reasons = set[str]()
    for lines_of, folder in zip(one, other, strict=True):
        wanted, found = lines(tmp_path / lines_of), tables(tmp_path / folder)
        assert len(found) == len(wanted)
        for mine, theirs in zip(found, wanted, strict=True):
            assert {name: mine[name] for name in theirs} == theirs
            reasons.update(theirs["verdict_reasons"].split(", "))
    assert expected <= reasons


def test_an_input_is_known_from_an_earlier_part(cluster: Any, tmp_path: Path) -> None:
    """What an evolution's original was about stands in another file."""
    about = "The market opens at noon and closes when the last fish is sold."
    asked = "When does the market open according to the text?"
    made = {"original": asked, "prompt": "evol_instruct/anchored/explain"}
    parent = {"id": "p", "instruction": asked, "input": about, "response": "It opens at noon."}
    child = {
        "id": "c",
        "instruction": f"{asked} Also say when it closes.",
        "parents": ["p"],
        "round": 1,
        "response": "It opens at noon and closes when the last fish is sold.",
        "provenance": {"instruction": made},
    }
    data = as_lines(tmp_path / "rows", [parent, child], files=2)
    for name, more in (("one.jsonl", []), ("many", ["--ray"])):
        command = ["gate", str(data), "--no-embedder", "-o", str(tmp_path / f"good-{name}")]
        assert main([*command, "--rejects", str(tmp_path / f"bad-{name}"), *more]) == 0
    for kind in ("good", "bad"):
        wanted = lines(tmp_path / f"{kind}-one.jsonl")
        found = tables(tmp_path / f"{kind}-many")
        assert [{n: mine[n] for n in theirs} for mine, theirs in zip(found, wanted, strict=True)] \
            == wanted  # fmt: skip


def test_one_id_in_two_parts_is_told(
    cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [{"id": "a", "instruction": f"Name {k} large rivers."} for k in (3, 4)]
    data = as_lines(tmp_path / "rows", made, files=2)
    out = tmp_path / "good"
    assert main(["gate", str(data), "--no-embedder", "-o", str(out), "--ray"]) == 1
    assert "rows 1 and 2 of all have one id." in capsys.readouterr().err
    assert not list(out.iterdir())


# What cannot be used ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("missing", 1, "no such file"),
        ("empty", 2, "there is no row in it"),
        ("blank", 2, "'instruction' is empty in all rows"),
        ("other", 1, "no field 'instruction'"),
        ("broken", 1, "no Parquet file"),
        ("torn", 1, "cannot be read"),
        ("-", 1, "standard input is none"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    cluster: Any,
    tmp_path: Path,
    path: str,
    status: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("empty", "blank", "other", "broken", "torn"):
        (tmp_path / name).mkdir()
    (tmp_path / "empty" / "rows.jsonl").write_text("\n\n")
    (tmp_path / "blank" / "rows.jsonl").write_text('{"instruction": " "}\n')
    (tmp_path / "other" / "rows.jsonl").write_text('{"text": "Name a river."}\n')
    (tmp_path / "broken" / "rows.parquet").write_bytes(b"PAR1 is how it begins")
    torn = tmp_path / "torn" / "rows.parquet"
    table = pa.table({"instruction": [f"Name {k} rivers, {k * 7919}." for k in range(20_000)]})
    parquet.write_table(table, torn, compression="none", use_dictionary=False)
    content = bytearray(torn.read_bytes())
    content[4:3000] = bytes(2996)
    torn.write_bytes(content)
    data = path if path == "-" else str(tmp_path / path)
    out = tmp_path / "out"
    assert main(["dedup", data, "-o", str(out), "--method", "minhash", "--ray"]) == status
    told = capsys.readouterr().err.splitlines()
    assert said in told[-1]
    assert not [line for line in told if "Traceback" in line]
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "ray://127.0.0.1:1"])
def test_an_address_where_no_ray_is_is_told(address: str) -> None:
    code = (
        "import sys\nfrom evolsynth.cluster.connect import connected\n"
        "from evolsynth.errors import SetupError\n"
        "try:\n    with connected(sys.argv[1]): pass\n"
        "except SetupError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, address], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"--ray {address}: ")
    assert done.stdout.count("\n") == 1


def test_without_ray_it_is_told_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SetupError, match=r"pip install 'evolsynth\[ray\]'"), connected():
        pass


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "--ray goes with --method minhash or exact"),
        (["--method", "minhash", "--keep", "best", "--score", "n"], "--keep best does not go"),
        (["--method", "minhash", "--same-template"], "--same-template does not go"),
    ],
)
def test_what_is_not_done_in_shards_is_refused(
    data: Path, tmp_path: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dedup", str(data), "-o", str(tmp_path / "kept"), "--ray", *more]) == 1
    assert said in capsys.readouterr().err


def test_a_folder_with_something_in_it_is_left_alone(
    data: Path, cluster: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"there is mine.txt in it"):
        dedup.dedup_folder(str(data), str(tmp_path))
    assert [place.name for place in tmp_path.iterdir()] == ["mine.txt"]


def test_results_are_not_written_where_rows_are_read(data: Path, cluster: Any) -> None:
    with pytest.raises(InputError, match=r"it is in .*, which is read"):
        dedup.dedup_folder(str(data), str(data / "kept"))
    assert not (data / "kept").exists()


def test_shards_hold_each_hash_once() -> None:
    for count in (1, 3, 7):
        some = bands.shards_of(count)
        assert (some[0].low, some[-1].high) == (0, 1 << 64)
        assert all(one.high == other.low for one, other in pairwise(some))
