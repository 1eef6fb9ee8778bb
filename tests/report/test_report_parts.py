"""The report's pieces: passages of evolutions, fair samples, visible and short text, the file."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.errors import InputError
from evolsynth.report.build import build_report, write_report
from evolsynth.report.tallies import Standing, by_tier, fair_sample
from evolsynth.report.text import Passage, cut, marked, shorten, visible
from evolsynth.rows import Row, Verdict

YES = Verdict(accepted=True)
ROWS = [Row.make("one", verdict=YES), Row.make("two").reject("too_short")]


def test_overlapping_spans_share_a_passage() -> None:
    spans = [
        {"text": "abcd", "start": 0, "end": 4, "kind": "one"},
        {"text": "cdef", "start": 2, "end": 6, "kind": "two"},
    ]
    passages, losses = marked("abcdefgh", spans)
    assert passages == [
        Passage("ab", "one lost"),
        Passage("cd", "one lost; two lost"),
        Passage("ef", "two lost"),
        Passage("gh"),
    ]
    assert len(losses) == 2


def test_a_span_with_wrong_offsets_is_searched_for_and_said_to_be_missing_where_it_is_not() -> None:
    passages, losses = marked("twelve eggs", [{"text": "eggs", "start": 90, "end": 94}])
    assert passages == [Passage("twelve "), Passage("eggs", "text lost")]
    passages, losses = marked("twelve eggs", [{"text": "milk", "start": 0, "end": 4}])
    assert passages == [Passage("twelve eggs")]
    assert losses == ["“milk”: text lost (not in this text)"]


_ANY = st.one_of(st.none(), st.integers(-5, 30), st.text(max_size=4), st.floats(), st.booleans())


@given(
    st.text(max_size=20),
    st.one_of(
        _ANY,
        st.lists(
            st.one_of(
                _ANY,
                st.fixed_dictionaries(
                    {}, optional=dict.fromkeys(("text", "start", "end", "kind", "became"), _ANY)
                ),
            )
        ),
    ),
)
def test_whatever_the_details_hold_the_passages_join_to_the_text(text: str, lost: Any) -> None:
    passages, _ = marked(text, lost)
    assert "".join(passage.text for passage in passages) == text


@given(st.lists(st.sampled_from("ard"), max_size=60), st.integers(1, 70))
def test_a_fair_sample_keeps_order_and_gives_each_status_its_part(kinds: str, limit: int) -> None:
    rows = [
        {"a": Row(id=str(n), verdict=YES), "r": Row(id=str(n)).reject("x"), "d": Row(id=str(n))}[k]
        for n, k in enumerate(kinds)
    ]
    got = fair_sample(rows, limit)
    assert len(got) == min(limit, len(rows))
    places = [int(row.id) for row in got]
    assert places == sorted(set(places))
    have, kept = Counter(r.status for r in rows), Counter(r.status for r in got)
    floor = limit // max(1, len(have))
    assert all(kept[status] >= min(have[status], floor) for status in have)


@given(st.text())
def test_shown_text_has_nothing_hidden_and_is_otherwise_unchanged(text: str) -> None:
    shown = visible(text)
    assert not re.search("[\x00-\x08\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    assert re.sub(r"\[U\+([0-9A-F]{4,6})\]", lambda m: chr(int(m[1], 16)), shown) == text or (
        "[U+" in text
    )


@given(st.text(max_size=300), st.integers(2, 80))
def test_short_forms_are_short(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit


def test_a_cut_says_how_much_is_missing() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdef", 2) == "ab … [4 more characters]"


def test_the_file_appears_whole_and_nothing_else_stays(tmp_path: Path) -> None:
    target = write_report(tmp_path / "new" / "report.html", ROWS, embedder=None)
    assert target.read_text("utf-8") == build_report(ROWS, embedder=None)
    assert [p.name for p in target.parent.iterdir()] == ["report.html"]


def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        write_report(tmp_path / "file" / "report.html", [], embedder=None)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_report(tmp_path / "folder", [], embedder=None)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_accepted_rows_are_told_by_what_their_responses_stand_on() -> None:
    def row(tier: Any, *names: str, accepted: bool = True) -> Row:
        verdict = Verdict(accepted=accepted, tier=tier, stands_on=names)
        return Row.make(f"{tier} {names}", verdict=verdict)

    rows = [
        row("unverified"),
        row("verified", "demand:title", "demand:words_at_most"),
        row("verified", "demand:words_at_most"),
        row("verified", "demand:<b>", accepted=False),
        row(None),
    ]
    verified, unverified = by_tier(rows)
    assert verified == Standing("verified", 2, (("demand:words_at_most", 2), ("demand:title", 1)))
    assert unverified == Standing("unverified", 1, ())
    page = build_report(rows, embedder=None)
    assert "What accepted responses stand on" in page
    assert re.search(r'<th scope="row">verified</th><td class="number">2</td>', page)
    assert "What accepted responses stand on" not in build_report(ROWS, embedder=None)


def test_what_a_file_says_a_row_stands_on_is_text_on_the_page() -> None:
    verdict = Verdict(accepted=True, tier="verified", stands_on=("<script>alert(1)</script>",))
    page = build_report([Row.make("one", verdict=verdict)], embedder=None)
    assert "<script>alert" not in page


def test_a_steered_run_tells_what_it_changed_and_no_markup_of_it_is_taken_for_the_page() -> None:
    told = ["Evenness: 0.5, then 0.9.", "After 50 rows of 'magpie': '<b>Hm</b>' dropped."]
    page = build_report([Row.make("Name a river.")], embedder=None, steered=told)
    assert "How the run steered itself" in page
    assert "Evenness: 0.5, then 0.9." in page
    assert "&lt;b&gt;Hm&lt;/b&gt;" in page
    assert "How the run steered" not in build_report([Row.make("Name a river.")], embedder=None)
