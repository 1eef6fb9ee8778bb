"""As many rows as were asked for, evenly from all texts and of all kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.methods.spread import spread
from evolsynth.rows import Row, Verdict


def row(text: int, number: int, kind: str = "year") -> Row:
    return Row(
        id=f"{text}-{number}",
        instruction="When?",
        extra={"source": f"{text}.md", "place": [text, text + 9]},
        provenance={"instruction": {"kind": kind}},
        verdict=Verdict(accepted=True),
    )


async def kept(rows: Sequence[Row], n: int) -> list[Row]:
    async def stream() -> AsyncIterator[Row]:
        for one in rows:
            yield one

    came = [one async for one in spread(stream(), n=n)]
    assert [one.id for one in came] == [one.id for one in rows]  # none lost, in their order
    return [one for one in came if one.status == "accepted"]


async def test_every_text_gives_as_many_as_the_others() -> None:
    rows = [row(text, number) for text in range(3) for number in range(10)]
    assert Counter(r.extra["source"] for r in await kept(rows, 7)) == {
        "0.md": 3, "1.md": 2, "2.md": 2,
    }  # fmt: skip


async def test_a_text_with_few_leaves_its_share_to_others() -> None:
    rows = [row(0, 0), *(row(1, n) for n in range(9)), *(row(2, n) for n in range(9))]
    assert Counter(r.extra["source"] for r in await kept(rows, 9)) == {
        "0.md": 1, "1.md": 4, "2.md": 4,
    }  # fmt: skip


async def test_the_rarest_kind_comes_next() -> None:
    kinds = ["year"] * 6 + ["order", "list"]
    rows = [row(text, n, kind) for text in range(2) for n, kind in enumerate(kinds)]
    found = Counter(r.provenance["instruction"]["kind"] for r in await kept(rows, 6))
    assert found == {"year": 2, "order": 2, "list": 2}


async def test_what_is_too_much_says_so_and_what_is_settled_stays() -> None:
    refused = row(0, 9).reject("near_duplicate")
    rows = [row(0, 0), refused, row(0, 1)]

    async def stream() -> AsyncIterator[Row]:
        for one in rows:
            yield one

    came = [one async for one in spread(stream(), n=1)]
    assert came[1] == refused
    verdicts = [one.verdict.reasons for one in came if one.verdict is not None]
    assert verdicts == [(), ("near_duplicate",), ("surplus",)]


async def test_where_there_are_not_more_nothing_changes() -> None:
    rows = [row(0, n) for n in range(4)]
    assert await kept(rows, 4) == rows
    assert await kept(rows, 90) == rows
    assert await kept([], 3) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 20))
async def test_shares_differ_by_one_where_they_can(given_texts: list[int], n: int) -> None:
    rows = [row(text, number) for number, text in enumerate(given_texts)]
    found = await kept(rows, n)
    assert len(found) == min(n, len(rows))
    had, got = Counter(given_texts), Counter(int(r.extra["source"][0]) for r in found)
    short = [text for text in had if got[text] < had[text]]
    assert all(got[text] >= max(got.values(), default=0) - 1 for text in short)


async def test_with_fewer_rows_than_texts_each_file_has_its_share() -> None:
    """The last files are not left out for coming last."""
    rows = [
        Row.make(f"Question {file} {part}?", extra={"source": file, "place": [part, part + 1]})
        for file, parts in (("long.md", 40), ("page.html", 5), ("notes.txt", 5))
        for part in range(parts)
    ]
    kept = [row async for row in spread(rows, n=20) if not row.settled]
    count = {file: sum(row.extra["source"] == file for row in kept) for file in FILES}
    assert count == {"long.md": 16, "page.html": 2, "notes.txt": 2}


FILES = ("long.md", "page.html", "notes.txt")
