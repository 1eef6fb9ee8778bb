"""Arithmetic told in words."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import (
    CURRENCIES,
    article,
    counted,
    inside,
    lists,
    money,
    number,
    pick,
    plural,
    text,
    whole,
)

__all__ = ["Story"]

_CASES = ("change", "total", "share", "saving", "distance", "left")


@problem("story")
class Story(Problem):
    """Sums in words: change, totals, sharing, saving, distances, what is left."""

    sums = True

    def draw(self, chance: Random, level: Level) -> Values:
        """Names and numbers of one of the cases."""
        case = chance.choice(_CASES)
        name, other = pick(chance, "names", 2)
        hard = level == "medium"
        values: dict[str, object] = {"case": case, "name": name, "other": other}
        if case in ("change", "total"):
            thing, second = pick(chance, "goods", 2)
            n, price = chance.randint(2, 12 if hard else 6), chance.randint(2, 40 if hard else 12)
            cents = price * (25 if hard else 50)
            m, more = chance.randint(2, 9), chance.randint(2, 16) * 50
            paid = min(p for p in (1000, 2000, 5000, 10000, 20000) if p > n * cents)
            values |= {"thing": thing, "second": second, "n": n, "cents": cents, "m": m}
            values |= {"more": more, "paid": paid, "sign": chance.choice(CURRENCIES)}
        elif case == "share":
            k = chance.randint(3, 12 if hard else 6)
            n = k * chance.randint(4, 25 if hard else 12) + chance.randint(0, k - 1)
            values |= {"thing": chance.choice(lists("counted")), "n": n, "k": k}
        elif case == "saving":
            week = chance.randint(2, 30 if hard else 12) * (250 if hard else 500)
            values |= {"thing": chance.choice(lists("dear")), "week": week}
            values |= {"price": week * chance.randint(3, 12) - chance.choice((0, 0, 100, 200))}
            values |= {"sign": chance.choice(CURRENCIES)}
        elif case == "distance":
            values |= {"speed": chance.randint(2, 11) * (8 if hard else 10)}
            values |= {
                "minutes": chance.choice((90, 150, 45, 75, 210) if hard else (60, 120, 180, 30))
            }
            values |= {"vehicle": chance.choice(("bus", "train", "lorry", "tram", "van"))}
        else:
            n = chance.randint(20, 400 if hard else 60)
            a, b = chance.randint(3, n // 2), chance.randint(3, n // 3)
            values |= {"thing": chance.choice(lists("counted")), "n": n, "a": a, "b": b}
        return values

    def solve(self, values: Values) -> Solution:
        """Each case has its own sum."""
        case = inside(text(values, "case"), _CASES)
        return getattr(self, f"_{case}")(values)  # type: ignore[no-any-return] # one of ours

    def _change(self, values: Values) -> Solution:
        sign, n, cents = text(values, "sign"), whole(values, "n", 2), whole(values, "cents", 1)
        paid = whole(values, "paid", n * cents)
        cost, thing = n * cents, text(values, "thing")
        shown = {
            "name": text(values, "name"),
            "things": counted(n, thing),
            "price": money(cents, sign),
            "paid": money(paid, sign),
            "cost": money(cost, sign),
            "thing": plural(thing)[0],
        }
        answer = money(paid - cost, sign)
        steps = (
            f"{counted(n, thing)}: {n} × {shown['price']} = {shown['cost']}",
            f"Change: {shown['paid']} − {shown['cost']} = {answer}",
        )
        return Solution("change", shown, answer, steps)

    def _total(self, values: Values) -> Solution:
        sign, n, cents = text(values, "sign"), whole(values, "n", 2), whole(values, "cents", 1)
        m, more = whole(values, "m", 2), whole(values, "more", 1)
        one, two = text(values, "thing"), text(values, "second")
        shown = {
            "name": text(values, "name"),
            "things": counted(n, one),
            "others": counted(m, two),
            "price": money(cents, sign),
            "dearer": money(more, sign),
        }
        answer = money(n * cents + m * more, sign)
        steps = (
            f"{counted(n, one)}: {n} × {shown['price']} = {money(n * cents, sign)}",
            f"{counted(m, two)}: {m} × {shown['dearer']} = {money(m * more, sign)}",
            f"Total: {money(n * cents, sign)} + {money(m * more, sign)} = {answer}",
        )
        return Solution("total", shown, answer, steps)

    def _share(self, values: Values) -> Solution:
        n, k, thing = whole(values, "n", 2), whole(values, "k", 2), text(values, "thing")
        each, rest = divmod(n, k)
        shown = {
            "name": text(values, "name"),
            "things": counted(n, thing),
            "more": plural(thing)[1],
            "k": str(k),
            "each": counted(each, thing),
            "rest": counted(rest, thing) if rest else "none",
            "are": "is" if rest == 1 or not rest else "are",
        }
        steps = (f"{n} ÷ {k} = {each}" + (f", remainder {rest}" if rest else ", no remainder"),)
        answer = f"{each} each, {rest if rest else 'none'} left over"
        return Solution("share", shown, answer, steps)

    def _saving(self, values: Values) -> Solution:
        sign, week, price = (
            text(values, "sign"),
            whole(values, "week", 1),
            whole(values, "price", 1),
        )
        thing = plural(text(values, "thing"))[0]
        weeks, rest = divmod(price, week)
        shown = {
            "name": text(values, "name"),
            "a_thing": article(thing) if not thing.startswith("pair") else f"a {thing}",
            "thing": thing,
            "week": money(week, sign),
            "price": money(price, sign),
        }
        steps = [f"{weeks} weeks: {weeks} × {shown['week']} = {money(weeks * week, sign)}"]
        if rest:
            weeks += 1
            steps.append(f"{weeks} weeks: {weeks} × {shown['week']} = {money(weeks * week, sign)}")
            steps.append(
                f"{money((weeks - 1) * week, sign)} is less than {shown['price']}, and "
                f"{money(weeks * week, sign)} is enough."
            )
        return Solution("saving", shown, f"{weeks} weeks", steps)

    def _distance(self, values: Values) -> Solution:
        speed, minutes = whole(values, "speed", 1), whole(values, "minutes", 1)
        hours, rest = divmod(minutes, 60)
        told = " and ".join(
            part
            for part in (
                counted(hours, "hour") if hours else "",
                counted(rest, "minute") if rest else "",
            )
            if part
        )
        answer = f"{number(Fraction(speed * minutes, 60))} km"
        shown = {"vehicle": text(values, "vehicle"), "speed": str(speed), "time": told}
        shown["a_vehicle"] = article(shown["vehicle"])
        steps = [f"{speed} km/h × {number(Fraction(minutes, 60))} h = {answer}"]
        if rest:
            steps.insert(0, f"{told} = {number(Fraction(minutes, 60))} h")
        return Solution("distance", shown, answer, steps)

    def _left(self, values: Values) -> Solution:
        n, a, b = whole(values, "n", 1), whole(values, "a", 1), whole(values, "b", 1)
        thing = text(values, "thing")
        shown = {
            "name": text(values, "name"),
            "other": text(values, "other"),
            "things": counted(n, thing),
            "more": plural(thing)[1],
            "a": str(a),
            "b": str(b),
        }
        answer = counted(n - a + b, thing)
        return Solution(
            "left", shown, answer, (f"{n} − {a} = {n - a}", f"{n - a} + {b} = {n - a + b}")
        )
