"""Prices: what an answer costs, and what a run has spent in all its attempts."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from evolsynth.errors import InputError
from evolsynth.llm.backends import open_llm
from evolsynth.llm.base import Completion, Score, TokenLogprob
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.prices import FREE, Prices, Spending, Tokens, prices_of, tokens_of


def test_an_answer_costs_what_was_read_and_what_was_written() -> None:
    answer = Completion(text="a", tokens=500_000, prompt_tokens=2_000_000, finish_reason="stop")
    assert Prices(0.15, 0.60).cost(tokens_of(answer)) == pytest.approx(0.30 + 0.30)


def test_tokens_that_the_server_had_read_before_have_their_own_price() -> None:
    tokens = Tokens(read=1_000_000, written=0, cached=800_000)
    assert Prices(1.0, 5.0, cached=0.1).cost(tokens) == pytest.approx(0.2 + 0.08)
    assert Prices(1.0, 5.0).cost(tokens) == pytest.approx(1.0)
    assert Prices(1.0, 5.0, cached=0.0).cost(tokens) == pytest.approx(0.2)


def test_more_cached_tokens_than_were_read_cost_no_less_than_nothing() -> None:
    assert Prices(1.0, 0.0, cached=0.0).cost(Tokens(read=10, cached=99)) == 0.0


def test_a_scored_text_was_read() -> None:
    score = Score(logprobs=(TokenLogprob(1, b"a", -1.0),) * 3, prompt_tokens=7)
    assert tokens_of(score) == Tokens(10, 0, 0)


@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
def test_a_price_is_a_number_from_0_on(value: float) -> None:
    with pytest.raises(InputError, match=r"price of output tokens.*from 0 on"):
        Prices(0.1, value)


def test_no_price_told_is_another_thing_than_a_price_of_0() -> None:
    assert prices_of() is None
    assert prices_of(price_out=0.0) == FREE
    assert prices_of(price_in=2.0) == Prices(2.0, 0.0)


def test_any_back_end_can_be_told_its_prices(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('"Rhine."\n', encoding="utf-8")
    assert open_llm(f"scripted:{path}").prices is None
    priced = open_llm(f"scripted:{path}", price_in=1, price_out=2, price_cached=0.5, delay=0.0)
    assert priced.prices == Prices(1, 2, 0.5)


def test_what_works_in_process_costs_nothing_unless_the_user_says_so() -> None:
    assert LlamaCpp("a.gguf").prices == FREE
    assert open_llm("a.gguf", price_out=3.0).prices == Prices(0.0, 3.0)


def test_spending_is_told_by_step_and_goes_on_from_what_was_kept() -> None:
    spending = Spending()
    spending.add("evolve", "big", Tokens(1000, 100), Prices(1.0, 10.0))
    spending.add("evolve", "big", Tokens(1000, 100), Prices(1.0, 10.0))
    spending.add("respond", "small", Tokens(0, 1000), Prices(0.0, 1.0))
    again = Spending(spending.kept())
    assert again.cost("evolve") == pytest.approx(0.004)
    assert again.cost() == pytest.approx(0.005)
    assert again.cost("gate") == 0
    assert again.tokens() == Tokens(2000, 1200)
    assert again.priced


def test_prices_that_are_told_later_hold_for_what_was_asked_before() -> None:
    spending = Spending()
    spending.add("respond", "big", Tokens(0, 1_000_000), None)
    assert (spending.cost(), spending.priced) == (0.0, False)
    spending.price("big", Prices(0.0, 3.0))
    assert (spending.cost(), spending.priced) == (3.0, True)
    spending.price("big", None)  # not told this time: as before
    assert spending.cost() == 3.0


BAD = {"step": "a", "model": "b", "prices": {"input": -1}}


@pytest.mark.parametrize("kept", [None, "x", [1], [{"step": "a"}], {"a": 1}, [BAD]])
def test_what_was_kept_and_is_damaged_counts_nothing(kept: object) -> None:
    assert Spending(kept).cost() == 0.0
