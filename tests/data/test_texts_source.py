"""Folders, files and patterns of texts as a source of passages, and all that can be wrong there."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from made_documents import Put, docx_of, lines_of, pdf_of

from evolsynth.data.finding import in_folder, once
from evolsynth.data.text_source import found_texts, texts
from evolsynth.errors import InputError
from evolsynth.pipeline import Pipeline, load_pipeline, read_pipeline, write_yaml
from evolsynth.pipeline import texts as texts_step
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.rows import Row

BEES = "Bees dance in the hive, and the others follow them to the flowers of the day. "
WASPS = "Wasps build their nests of paper, which they make of old wood and of spit. "


def saved(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows_of(*paths: Path | str, **options: Any) -> list[Row]:
    return list(texts([str(path) for path in paths], **options))


def told(*paths: Path | str, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        texts([str(path) for path in paths], **options).columns()
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One text of each kind, in folders."""
    place = tmp_path / "texts"
    saved(place / "bees.md", f"# Bees\n\n{BEES * 4}")
    saved(place / "deep" / "er" / "wasps.txt", f"{WASPS * 4}")
    saved(
        place / "deep" / "page.HTML", f"<title>Ants</title><nav>Home</nav><p>{WASPS * 2}{BEES}</p>"
    )
    saved(place / "moth.docx", docx_of([("Title", "Moths"), ("Normal", BEES * 2 + WASPS)]))
    saved(place / "paper.pdf", pdf_of([lines_of(WASPS + BEES * 2)], title="Of paper"))
    saved(place / "picture.png", b"\x89PNG")
    saved(place / "rows.jsonl", "{}")
    saved(place / ".git" / "notes.md", BEES)
    return place


def test_a_folder_with_all_that_is_in_it(folder: Path) -> None:
    found = rows_of(folder)
    assert [(row.extra["source"], row.extra["title"]) for row in found] == [
        ("bees.md", "Bees"),
        ("deep/er/wasps.txt", "wasps"),
        ("deep/page.HTML", "Ants"),
        ("moth.docx", "Moths"),
        ("paper.pdf", "Of paper"),
    ]
    assert all(row.status == "pending" and row.instruction is None for row in found)
    first = found[0].extra
    assert first["input"] == (BEES * 4).strip()
    assert first["place"] == [8, 8 + len(first["input"])]
    assert (first["heading"], first["part"]) == ("", 1)


def test_files_and_patterns_in_their_order_each_once(folder: Path) -> None:
    given = [folder / "paper.pdf", folder / "**" / "*.[tm]*", folder / "bees.md"]
    names = [row.extra["source"] for row in rows_of(*given)]
    assert names == ["paper.pdf", "bees.md", "deep/er/wasps.txt"]
    assert rows_of(folder)[0].id == rows_of(folder / "bees.md")[0].id


def test_two_texts_of_one_name_are_told_apart(tmp_path: Path) -> None:
    one = saved(tmp_path / "one" / "a.md", BEES * 2)
    two = saved(tmp_path / "two" / "a.md", WASPS * 2)
    assert [r.extra["source"] for r in rows_of(one, two)] == [one.as_posix(), two.as_posix()]
    folders = rows_of(tmp_path)
    assert [r.extra["source"] for r in folders] == ["one/a.md", "two/a.md"]


def test_the_same_passage_is_not_asked_about_twice(tmp_path: Path) -> None:
    saved(tmp_path / "a.md", BEES * 2)
    saved(tmp_path / "copy.md", BEES * 2)
    assert [row.extra["source"] for row in rows_of(tmp_path)] == ["a.md"]


def test_links_are_followed_to_files_and_not_to_folders(tmp_path: Path) -> None:
    place = tmp_path / "texts"
    saved(place / "bees.md", BEES * 2)
    (place / "loop").symlink_to(place)
    (place / "gone.md").symlink_to(tmp_path / "nowhere.md")
    (place / "wasps.md").symlink_to(saved(tmp_path / "elsewhere.md", WASPS * 2))
    assert [row.extra["source"] for row in rows_of(place)] == ["bees.md", "wasps.md"]
    by_pattern = rows_of(place / "**" / "*.md")
    assert [row.extra["source"] for row in by_pattern] == ["bees.md", "wasps.md"]


def test_folders_in_folders_without_end(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(300):  # more than Python's calls in one another would bear, were it one each
        deep = deep / "abcdefg"
    try:
        deep.mkdir(parents=True)
        (deep / "bees.md").write_text(BEES * 2)
        (row,) = rows_of(tmp_path)
        assert row.extra["source"].endswith("abcdefg/bees.md")
    finally:
        shutil.rmtree(tmp_path / "abcdefg")


def test_a_folder_that_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    scan = os.scandir

    def locked(place: Path) -> Any:
        if place.name == "locked":
            raise PermissionError(13, "Permission denied")
        return scan(place)

    monkeypatch.setattr("evolsynth.data.finding.os.scandir", locked)
    assert "locked: the folder cannot be read (Permission denied)" in told(tmp_path)


def test_what_is_no_text_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no text in this folder. Texts are .docx, .htm, .html" in told(tmp_path / "empty")
    assert "not a kind of text that is read here" in told(folder / "picture.png")
    assert "no such file" in told(tmp_path / "none.md")
    assert "no file matches" in told(folder / "*.rst")
    assert "it matches none of them" in told(folder / "*.png")
    assert "The path is empty" in told("")
    assert "there are none" in told()
    assert "File name too long" in told("Bees dance. " * 400)
    assert "no file and no folder" in told("/dev/null")
    assert "words is 0" in told(folder, words=0)
    assert "nothing in it is long enough" in told(saved(tmp_path / "short.md", "# Bees\n\nYes."))


def test_all_bad_texts_are_named_at_the_start(folder: Path) -> None:
    saved(folder / "latin.txt", "Gr\xfc\xdfe".encode("latin-1"))
    saved(folder / "scan.pdf", pdf_of([[]]))
    saved(folder / "locked.pdf", pdf_of([[Put(72, 700, BEES)]], locked=True))
    saved(folder / "broken.docx", b"PK\x03\x04")
    said = told(folder)
    assert said.startswith("4 of 9 texts cannot be used. ")
    for name, what in (
        ("broken.docx", "no Word document"),
        ("latin.txt", "not UTF-8"),
        ("locked.pdf", "locked by a password"),
        ("scan.pdf", "only pictures"),
    ):
        assert f"{folder / name}: " in said
        assert what in said
    assert said.endswith("Or go on without such texts: skip_bad.")


def test_bad_texts_fail_in_their_places_if_it_is_to_go_on(folder: Path) -> None:
    saved(folder / "a.txt", b"\xff")
    found = rows_of(folder, skip_bad=True)
    assert [row.status for row in found] == ["failed"] + ["pending"] * 5
    assert found[0].failure is not None
    assert (found[0].failure.step, "not UTF-8" in found[0].failure.message) == ("load", True)
    source = texts(str(folder), skip_bad=True, limit=3)
    assert source.count() == 3
    assert len(list(source)) == 3


def test_a_text_by_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for data, title in (
        (f"# Bees\n\n{BEES * 2}".encode(), "Bees"),
        (f"<html><title>Ants</title><p>{BEES * 2}".encode(), "Ants"),
        (pdf_of([lines_of(BEES * 2)], title="Of bees"), "Of bees"),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        for _ in range(2):  # it is kept: it comes once only
            (row,) = rows_of("-")
            assert (row.extra["title"], row.extra["source"]) == (title, "standard input")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert "standard input: the file is empty" in told("-")


def test_a_text_that_goes_while_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "bees.md", BEES * 2)
    source = texts(str(path))
    monkeypatch.setattr("evolsynth.data.text_source.found_texts", lambda given: _gone(given, path))
    with pytest.raises(InputError, match=r"bees\.md: cannot be read \(No such file"):
        source.columns()


def _gone(given: Any, path: Path) -> Any:
    found = found_texts(given)
    path.unlink()
    return found


def test_files_that_are_one_and_the_order_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.md", "a-b.md"):
        saved(tmp_path / name, BEES)
    found = in_folder(tmp_path, lambda path: path.suffix == ".md")
    assert found == sorted(found)
    assert len(found) == 3
    link = tmp_path / "c.md"
    link.hardlink_to(tmp_path / "b.md")
    assert once([link, tmp_path / "b.md"]) == [tmp_path / "b.md"]


async def test_a_step_and_its_yaml(folder: Path, tmp_path: Path) -> None:
    file = saved(
        tmp_path / "pipe.yaml", "steps:\n  - texts: {paths: [texts/bees.md, texts/deep]}\n"
    )
    pipe = read_pipeline(str(file))
    assert [str(p) for p in pipe.nodes()[0].step.parameters["paths"]] == [
        str(folder / "bees.md"), str(folder / "deep"),
    ]  # fmt: skip
    again = saved(tmp_path / "again.yaml", write_yaml(pipe))
    assert load_pipeline(str(again)).nodes()[0].step.kind == "texts"
    one = read_pipeline(str(saved(tmp_path / "one.yaml", "steps:\n  - texts: {paths: texts}\n")))
    result = await run(one, str(tmp_path / "run"), RunOptions(report=False))
    assert result.ended == "finished"
    assert len(result.files["accepted"].read_text().splitlines()) == 5


def test_the_columns_are_known_before_anything_runs(folder: Path) -> None:
    Pipeline().then(texts_step(str(folder))).check()
    assert texts(str(folder)).columns() == {
        "input": "text", "title": "text", "heading": "text", "source": "text", "place": "any",
        "part": "number",
    }  # fmt: skip
