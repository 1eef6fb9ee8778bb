"""What runs cost: counted by step, told at the end, and a limit that ends a run cleanly."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from evolsynth import Scripted
from evolsynth.cli.preview import show_preview
from evolsynth.cli.progress.phrases import money
from evolsynth.cli.progress.summary import status, summarise
from evolsynth.errors import EngineError, InputError
from evolsynth.llm.base import Completion, Request
from evolsynth.llm.prices import Prices, Spending, Tokens
from evolsynth.pipeline import load, respond
from evolsynth.pipeline.graph import Chainable
from evolsynth.pipeline.run.preview import preview
from evolsynth.pipeline.run.run import RunOptions
from evolsynth.pipeline.run.state import RunResult
from evolsynth.store.status import read_status

#: Each answer costs 1: a million tokens are 100,000 answers of ten tokens.
ONE = Prices(0.0, 100_000.0)
FIRST = {"response": "first"}


def seeds(n: int) -> list[dict[str, Any]]:
    return [{"instruction": f"Tell me about the {i}. river of the old world."} for i in range(n)]


def ten(request: Request) -> Completion:
    return Completion(
        text=f"There is much to be said of {request.seed % 997} here.",
        tokens=10,
        prompt_tokens=30,
        finish_reason="stop",
        cached_tokens=20,
    )


def model(
    prices: Prices | None = ONE, name: str = "scripted", answers: Any = ten, **options: Any
) -> Scripted:
    llm = Scripted(answers, name=name, **options)
    llm.prices = prices
    return llm


async def go(pipe: Chainable, folder: Path | None, llm: Any, **options: Any) -> RunResult:
    told = {"embedder": None, "report": False, "llm": llm, **options}
    return await pipe.run(None if folder is None else str(folder), **told)


def said(result: RunResult) -> str:
    on = Console(file=io.StringIO(), width=300)
    summarise(result, on)
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue()


async def test_the_cost_is_counted_for_each_step_and_told_at_the_end(tmp_path: Path) -> None:
    pipe = load(seeds(4)) >> respond(output_mappings=FIRST) >> respond(name="other", model="dear")
    dear = model(Prices(1e6 / 30, 0.0, cached=0.0), name="dear")
    result = await go(pipe, tmp_path, model(), models={"dear": dear}, report=True)
    assert result.state.cost == pytest.approx(4 + 4 * 10 / 30)
    told = said(result)
    assert "Cost: 5.33 (respond 4.00, other 1.33), 1.33 for each accepted row" in told
    assert "240 tokens read, 80 written" in told
    report = (tmp_path / "report.html").read_text("utf-8")
    assert "cost of all attempts" in report
    assert "cost of an accepted row" in report
    assert ">Cost</th>" in report
    assert read_status(tmp_path).cost == pytest.approx(5.3333, abs=1e-3)
    assert [step.cost for step in read_status(tmp_path).steps] == pytest.approx([0, 4, 4 / 3])


async def test_what_costs_nothing_is_not_told(tmp_path: Path) -> None:
    for prices in (None, Prices(0.0, 0.0)):
        result = await go(load(seeds(2)) >> respond(), tmp_path / str(prices), model(prices))
        assert result.state.cost is None
        assert "Cost" not in said(result)
        assert read_status(tmp_path / str(prices)).cost is None


async def test_prices_of_a_run_hold_for_models_that_tell_none(tmp_path: Path) -> None:
    pipe = load(seeds(3)) >> respond(output_mappings=FIRST) >> respond(name="local", model="local")
    here = model(Prices(0.0, 0.0), name="local")
    result = await go(pipe, tmp_path, model(None), models={"local": here}, prices=ONE)
    assert result.state.cost == pytest.approx(3)


async def test_a_run_that_goes_on_pays_nothing_twice(tmp_path: Path) -> None:
    pipe = load(seeds(6)) >> respond()
    await go(pipe, tmp_path, model(), max_attempts=3)
    paid = read_status(tmp_path).cost
    again = await go(pipe, tmp_path, model())
    assert paid is not None
    assert 3 <= paid <= 6
    assert again.state.cost == pytest.approx(6)
    assert again.state.tokens + again.state.tokens_found == 60
    third = await go(pipe, tmp_path, model())
    assert third.state.cost == pytest.approx(6)


async def test_a_cost_limit_ends_the_run_and_what_is_under_way_is_paid_and_kept(
    tmp_path: Path,
) -> None:
    pipe = load(seeds(40)) >> respond()
    llm = model(delay=0.01, concurrency=4)
    first = await go(pipe, tmp_path, llm, max_cost=10.0)
    assert first.ended == "max_cost"
    assert first.state.cost is not None
    assert 10 <= first.state.cost <= 13 == 10 + llm.concurrency - 1
    assert first.state.cost == len(llm.requests)  # all that was asked was waited for
    assert "It ended at its limit of cost, 10.00" in said(first)
    assert "evolsynth run" in said(first)
    again = model(delay=0.01, concurrency=4)
    second = await go(pipe, tmp_path, again, max_cost=10.0)
    assert (second.ended, again.requests) == ("max_cost", [])
    assert second.accepted == first.state.cost == second.state.cost
    third = await go(pipe, tmp_path, again, max_cost=100.0)
    assert third.ended == "finished"
    assert third.state.cost == pytest.approx(40)
    assert len(llm.requests) + len(again.requests) == 40


async def test_what_is_under_way_at_the_limit_is_waited_for_longer_than_at_another(
    tmp_path: Path,
) -> None:
    """It is paid for, so a run's grace of some seconds does not cut it off."""

    def slowly(request: Request) -> float:
        return 0.01 if request.seed % 2 else 0.5

    llm = model(delay=slowly, concurrency=8)
    result = await go(load(seeds(30)) >> respond(), tmp_path, llm, max_cost=3.0, grace=0.01)
    assert result.ended == "max_cost"
    assert result.state.cost == len(llm.requests)
    assert llm.active == 0


async def test_no_more_wait_for_a_model_than_it_has_use_for_where_money_is_limited(
    tmp_path: Path,
) -> None:
    """A server may be given hundreds of questions, of which it works on a few: all that are let in
    before the money is spent are paid for."""
    llm = model(delay=0.01, concurrency=256)
    llm.at_once = 4
    result = await go(load(seeds(100)) >> respond(), tmp_path / "run", llm, max_cost=10.0)
    assert result.ended == "max_cost"
    assert 10 <= (result.state.cost or 0) <= 10 + 2 * 4 - 1
    assert result.state.cost == len(llm.requests)
    unlimited = model(delay=0.01, concurrency=256)
    unlimited.at_once = 4
    await go(load(seeds(100)) >> respond(), tmp_path / "other", unlimited)
    assert unlimited.most_active == 100


async def test_models_without_a_price_are_asked_on_when_the_money_is_spent(tmp_path: Path) -> None:
    """The limit is met at the next question that costs something."""
    pipe = load(seeds(5)) >> respond(output_mappings=FIRST) >> respond(name="free", model="free")
    free = model(Prices(), name="free")
    result = await go(pipe, tmp_path, model(), models={"free": free}, max_cost=5.0)
    assert (result.ended, result.accepted, len(free.requests)) == ("finished", 5, 5)


async def test_a_cost_limit_without_a_price_is_refused(tmp_path: Path) -> None:
    for prices in (None, Prices(0.0, 0.0)):
        with pytest.raises(InputError, match=r"max_cost.*no model.*--price-in"):
            await go(load(seeds(1)) >> respond(), tmp_path, model(prices), max_cost=1.0)
    assert not (tmp_path / "run.sqlite").exists()
    with pytest.raises(InputError, match="max_cost is -1"):
        await go(load(seeds(1)) >> respond(), tmp_path, model(), max_cost=-1.0)


async def test_an_endless_source_is_bounded_by_a_cost(tmp_path: Path) -> None:
    from evolsynth.pipeline import generate_rows

    pipe = generate_rows(prompt="Name a river.")
    result = await go(pipe, tmp_path, model(concurrency=2), max_cost=5.0)
    assert result.ended == "max_cost"
    assert 5 <= (result.state.cost or 0) <= 6


async def test_a_refused_question_is_counted_where_the_server_told_its_tokens(
    tmp_path: Path,
) -> None:
    def fails(request: Request) -> Any:
        error = EngineError("It thought to the end of its room.")
        if request.seed % 2:
            error.billed = Tokens(0, 10)
        return error

    llm = model(answers=fails)
    pipe = load(seeds(10)) >> respond(retry={"attempts": 1})
    result = await go(pipe, tmp_path, llm, breaker=None)
    told = sum(request.seed % 2 for request in llm.requests)
    assert 0 < told < 10
    assert result.state.failed == 10
    assert result.state.cost == pytest.approx(told)


async def test_what_was_paid_is_stored_with_its_answer(tmp_path: Path) -> None:
    """A store copied in the middle, as a kill leaves it, has as many costs as answers."""
    seen: list[tuple[int, float]] = []
    llm = model(delay=0.005, concurrency=3)
    task = asyncio.create_task(go(load(seeds(12)) >> respond(), tmp_path, llm))
    while not task.done():
        await asyncio.sleep(0.004)
        if (tmp_path / "run.sqlite").exists():
            with sqlite3.connect(tmp_path / "run.sqlite") as db:
                answers = "(SELECT count(*) FROM completions)"
                spent = "(SELECT value FROM meta WHERE name='spending')"
                count, kept = db.execute(f"SELECT {answers}, {spent}").fetchone()
            seen.append((count, Spending(json.loads(kept or "[]")).cost()))
    assert len(set(seen)) > 2
    assert all(count == pytest.approx(cost) for count, cost in seen)
    assert (await task).state.cost == 12


async def test_a_store_of_before_there_were_prices_goes_on(tmp_path: Path) -> None:
    await go(load(seeds(3)) >> respond(), tmp_path, model(None), max_attempts=2)
    with sqlite3.connect(tmp_path / "run.sqlite") as db:
        db.execute("DELETE FROM meta WHERE name='spending'")
        db.execute("UPDATE meta SET value=replace(value, ',\"cost\":0.0', '') WHERE name='steps'")
        (steps,) = db.execute("SELECT value FROM meta WHERE name='steps'").fetchone()
    assert "cost" not in steps
    assert read_status(tmp_path).cost is None
    result = await go(load(seeds(3)) >> respond(), tmp_path, model())
    assert (result.ended, result.accepted) == ("finished", 3)


async def test_a_preview_tells_its_cost_and_estimates_the_whole() -> None:
    pipe = load(seeds(50)) >> respond()
    made = await preview(pipe, rows=5, options=RunOptions(llm=model(), embedder=None, max_cost=1.0))
    assert made.cost == pytest.approx(5)
    assert (made.expected, made.offered) == (5, 50)
    assert made.cost_of_all == pytest.approx(50)
    assert made.accepted == 5
    told = made.estimate(100)
    assert told.cost_low == pytest.approx(100)
    assert told.cost_high is not None
    assert 100 < told.cost_high < 200
    on = Console(file=io.StringIO(), width=200)
    show_preview(made, on, n=100)
    assert isinstance(on.file, io.StringIO)
    text = on.file.getvalue()
    assert "a cost of 5.00" in text
    assert "Cost of 100 accepted rows: 100.00 to" in text
    assert "Cost of all 50 rows of the sources: about 50.00." in text


async def test_a_preview_without_prices_says_nothing_of_cost() -> None:
    options = RunOptions(llm=model(None), embedder=None)
    made = await preview(load(seeds(5)) >> respond(), rows=2, options=options)
    assert (made.cost, made.cost_of_all, made.estimate(9).cost_low) == (None, None, None)


async def test_status_tells_the_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await go(load(seeds(3)) >> respond(), tmp_path, model())
    status(str(tmp_path))
    told = capsys.readouterr().out
    assert "a cost of 3.00 (1.00 for each accepted row)" in " ".join(told.split())
    assert any({"step", "tokens", "cost"} <= set(line.split()) for line in told.splitlines())


def test_money_is_rounded_to_what_says_something() -> None:
    told = [money(x) for x in (0.0, 1234.567, 1.0, 0.31415, 0.0031415, 0.00095, 1e-9, 1e-15)]
    assert told == ["0", "1,234.57", "1.00", "0.31", "0.0031", "0.00095", "0.0000000010",
                    "0.000000000000"]  # fmt: skip
