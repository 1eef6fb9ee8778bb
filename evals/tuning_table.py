"""What came out of `evals.tuning`: a model's figures, the arms side by side, tables for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from evals.tuning_losses import Losses
from evals.tuning_questions import Found
from evals.tuning_scores import Difference, Met, difference, met
from evals.verifiers import Asked

__all__ = ["Result", "by_demand", "demands_table", "differences", "table"]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An arm and a seed (none: untrained): what it was taught, what that took (seconds), and what
    it then can do. ``prompts`` and ``demands`` are the shares that are met."""

    arm: str
    seed: int | None
    rows: int = 0
    targets: int = 0
    steps: int = 0
    train_seconds: float = 0.0
    train_losses: tuple[float, ...] = ()
    answer_seconds: float
    prompts: float
    demands: float
    questions: Found
    losses: Losses
    verdicts: tuple[tuple[bool, ...], ...]


def differences(results: Sequence[Result]) -> list[Difference]:
    """Each arm against untrained, then each against every other, seeds pooled."""
    names = list(dict.fromkeys(result.arm for result in results))
    pooled: dict[str, Met] = {
        name: met([one.verdicts for one in results if one.arm == name]) for name in names
    }
    pairs = [(two, one) for i, one in enumerate(names) for two in names[i + 1 :]]
    return [difference(pooled, arm, other) for arm, other in pairs]


def by_demand(
    prompts: Sequence[Asked], results: Sequence[Result]
) -> dict[str, dict[str, tuple[int, int]]]:
    """By demand, the most frequent first, and arm: how often it was met, and how often asked."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for result in results:
        for asked, verdicts in zip(prompts, result.verdicts, strict=True):
            for name, passed in zip(asked.instruction_id_list, verdicts, strict=True):
                arms = found.setdefault(name, {})
                good, n = arms.get(result.arm, (0, 0))
                arms[result.arm] = good + passed, n + 1
    first = results[0].arm
    return dict(sorted(found.items(), key=lambda item: (-item[1][first][1], item[0])))


def demands_table(demands: Mapping[str, Mapping[str, tuple[int, int]]]) -> str:
    """A line for each demand: how often it was asked, and each arm's share met."""
    arms = list(next(iter(demands.values())))
    lines = ["", f"{'met, by demand':44}{'n':>5}" + "".join(f"{arm[:12]:>13}" for arm in arms)]
    for name, found in demands.items():
        shares = "".join(f"{good / n:13.0%}" for good, n in found.values())
        lines.append(f"{name:44}{found[arms[0]][1]:5}{shares}")
    return "\n".join(lines)


def _line(result: Result) -> str:
    seed = "-" if result.seed is None else str(result.seed)
    return _cells(result.arm, seed, [result])


def _cells(name: str, seed: str, some: Sequence[Result]) -> str:
    """A line of means."""

    def mean(value: Callable[[Result], float]) -> float:
        return sum(map(value, some)) / len(some)

    return (
        f"{name:16}{seed:>5}{mean(lambda r: r.rows):7.0f}{mean(lambda r: r.targets):9.0f}"
        f"{mean(lambda r: r.train_seconds):8.0f}{mean(lambda r: r.answer_seconds):8.0f}"
        f"{mean(lambda r: r.prompts):9.1%}{mean(lambda r: r.demands):9.1%}"
        f"{mean(lambda r: r.questions.f1):8.3f}{mean(lambda r: r.questions.holds):8.1%}"
        f"{mean(lambda r: r.losses.answers):9.3f}{mean(lambda r: r.losses.text):8.3f}"
    )


def table(results: Sequence[Result], found: Sequence[Difference]) -> str:
    """All figures: a line for each model, the means of each arm, and the differences."""
    base = results[0]
    head = f"{'arm':16}{'seed':>5}{'rows':>7}{'tokens':>9}{'learn s':>8}{'ask s':>8}"
    lines = ["", f"{len(base.verdicts)} prompts, {sum(map(len, base.verdicts))} demands"]
    lines.append(
        f"{head}{'prompts':>9}{'demands':>9}{'F1':>8}{'holds':>8}{'answers':>9}{'text':>8}"
    )
    lines += [_line(result) for result in results]
    for name in dict.fromkeys(result.arm for result in results):
        some = [result for result in results if result.arm == name]
        if len(some) > 1:
            text = sum(one.losses.text for one in some) / len(some) / base.losses.text - 1
            lines.append(f"{_cells(name, 'mean', some)}  text {text:+.1%}")
    for one in found:
        lines.append(
            f"{one.arm} - {one.other}: prompts {_points(one.prompts, one.prompts_95)}, "
            f"demands {_points(one.demands, one.demands_95)}"
        )
    return "\n".join(lines)


def _points(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * value:+.1f} points (95%: {100 * low:+.1f} to {100 * high:+.1f})"
