"""Greedy rows behind a server beside those in process."""

from __future__ import annotations

from evals.equal_rows import Difference, compared


def test_texts_are_compared_in_their_order() -> None:
    shares = compared("magpie", ["a lake", "b", "c"], ["a lane", "b"])
    assert (shares.rows, shares.equal) == (3, 1)
    assert shares.differences == [
        Difference(same=4, in_process="ke", served="ne"),
        Difference(same=0, in_process="c", served=""),
    ]
