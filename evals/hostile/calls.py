"""The Python API with the same inputs: iterated, gathered, cancelled, and forgotten half-way.

Each trial is a script that a person can run. It must end with one of evolsynth's own errors or
none, and leave no thread, task or unfinished generator.
"""

from __future__ import annotations

from evals.hostile.contents import content
from evals.hostile.server import ROOT
from evals.hostile.strange import OWN
from evals.hostile.trial import Command, Draw, Trial

__all__ = ["ENDED", "calls"]

#: What a script says at its end when all was well.
ENDED = "ended well"

_FRAME = '''\
import asyncio
import gc
import sys
import threading

sys.path.insert(0, {root!r})
sys.unraisablehook = lambda told: print("Exception ignored:", told, file=sys.stderr)

from evolsynth import Gate, Message, Row, Scripted, evolve, generate, magpie, preference, respond
from evolsynth import self_instruct, write_rows
from evolsynth.data import origin, read_dataset, read_objects, read_rows
from evolsynth.errors import EvolsynthError
from evolsynth.evaluation.duplicates.deduplicate import deduplicate
from evolsynth.evaluation.information_loss.score import information_losses
from evolsynth.pipeline import gate, load
from evals.hostile.strange import Strange

PLACE = {place!r}
LIMIT = {limit!r}


def model():
    return {model}


async def taken(rows):
    """As many of the rows as this trial takes, closed or not."""
    count = 0
    async for row in rows:
        count += 1
        if count == LIMIT:
            {close}
            return count
    return count


async def whole():
{body}


async def main():
    try:
        {how}
    except EvolsynthError as error:
        print("refused:", ascii(str(error))[:300])
    except asyncio.CancelledError:
        print("cancelled")
    gc.collect()
    await asyncio.sleep(0)
    mine = asyncio.current_task()
    for _ in range(100):
        left = [task for task in asyncio.all_tasks() if task is not mine]
        if not left:
            break
        await asyncio.sleep(0.01)
    for task in left:
        print("a task goes on:", task, file=sys.stderr)


try:
    asyncio.run(main())
except EvolsynthError as error:
    print("refused:", ascii(str(error))[:300])
gc.collect()
for _ in range(300):
    threads = [t for t in threading.enumerate() if t is not threading.main_thread()]
    if not threads:
        break
    threading.Event().wait(0.01)
for thread in threads:
    print("a thread goes on:", thread, file=sys.stderr)
print({ended!r})
'''

_BODIES = {
    "origin": """
    source = origin(PLACE, skip_bad={skip}, limit={most})
    source.columns()
    source.count()
    print(await taken(source.rows()))""",
    "origin of rows": """
    items = [dict(one) for _, one in read_objects(PLACE)]
    odd = {odd}
    print(await taken(origin([*items, *odd], skip_bad={skip}).rows()))""",
    "read_rows": """
    for count, row in enumerate(read_rows(PLACE), 1):
        row.to_json()
        if count == LIMIT:
            break""",
    "read and write": """
    rows = list(read_rows(PLACE))
    write_rows("written.jsonl", rows)
    again = list(read_rows("written.jsonl"))
    assert [row.to_json() for row in again] == [row.to_json() for row in rows]""",
    "gate": """
    print(await taken(Gate(None).check(origin(PLACE, skip_bad={skip}).rows())))""",
    "gate of a list": """
    judge = Gate(None)
    print(await taken(judge.check(read_rows(PLACE), instructions_only={skip})))
    judge.close()""",
    "gate, own checks": """
    from evals.hostile.strange import CHECKS
    print(await taken(Gate(None, checks=[CHECKS[{check!r}]]).check(origin(PLACE).rows())))""",
    "respond": """
    async with model() as llm:
        print(await taken(respond(origin(PLACE, skip_bad={skip}).rows(), llm, seed=3)))""",
    "evolve": """
    async with model() as llm:
        rows = origin(PLACE, skip_bad={skip}).rows()
        print(await taken(evolve(rows, llm, gate=Gate(None), seed=3)))""",
    "generate": """
    async with model() as llm:
        rows = origin(PLACE, skip_bad={skip}).rows()
        print(await taken(generate(rows, llm, prompt="Say {{{{ instruction }}}}.", seed=3)))""",
    "preference": """
    async with model() as llm:
        print(await taken(preference(origin(PLACE, skip_bad={skip}).rows(), llm, seed=3)))""",
    "self_instruct": """
    async with model() as llm:
        rows = origin(PLACE, skip_bad={skip}).rows()
        print(await taken(self_instruct(rows, llm, num_instructions=1, attempts=1, seed=3)))""",
    "magpie": """
    async with model() as llm:
        print(await taken(magpie(llm, n=6, seed=3)))""",
    "all in a row": """
    async with model() as llm:
        judge = Gate(None)
        rows = judge.check(magpie(llm, n=6, seed=7), instructions_only=True)
        rows = evolve(rows, llm, gate=judge, seed=7)
        print(await taken(judge.check(respond(rows, llm, seed=7))))""",
    "deduplicate": """
    texts = [row.instruction or "" for row in read_rows(PLACE)]
    found = deduplicate(texts, method={method!r})
    print(len(found.kept), len(found.duplicates))""",
    "information_losses": """
    pairs = [(row.instruction or "", row.response or "") for row in read_rows(PLACE)]
    for count, _ in enumerate(information_losses(pairs, embedder=None), 1):
        if count == LIMIT:
            break""",
    "pipeline": """
    pipe = (load(PLACE, skip_bad={skip}) >> gate()).using(name="p", embedder=None)
    result = await pipe.run("run", report=False, signals=False)
    state = result.state
    assert state.planned == state.accepted + state.rejected + state.failed""",
    "read_dataset": """
    print(len(read_dataset(PLACE)))""",
}
_ODD_ITEMS = (
    "[{'instruction': b'bytes'}]", "[5]", "[None]", "['text']", "[{'x': float('inf')}]", "[{5: 6}]",
    "[{'x': {1, 2}}]", "[{'x': object()}]", "[{'instruction': 'a\\ud800'}]", "[[]]",
    "[{'x': 10**5000}]",
    "[{'messages': [Message('user', 'x')]}]", "[Row.make('Name a lake.')]", "[{'id': True}]", "[]",
    "[{'scores': {'q': float('nan')}}]", "[{'x': 1j}]", "[{}]", "[{'round': 2**70}]",
)  # fmt: skip


def calls(trial: Trial, draw: Draw) -> None:
    """A script around one call, on a file of some kind."""
    made = content(draw, fault=0.6)
    place = f"rows{made.suffix}"
    (trial.work / place).write_bytes(made.data)
    if draw.chance(0.06):
        place = draw.choice(
            ("", "no-such.jsonl", "/dev/null", "/proc/self/mem", "\0", "a" * 300, ".")
        )
    name = draw.choice(tuple(_BODIES))
    back_ends = ["Scripted(lambda request: f'Name {request.seed} towns by the sea.')"] * 3
    back_ends.append("Scripted(lambda request: 'So it is told.', delay=0.002, concurrency=2)")
    does = [name for name in OWN if name not in ("start", "close", "exit")]
    back_ends.append(f"Strange({draw.choice(does)!r}, every=2)")  # the others' errors are its own
    limit = draw.choice((None, None, 1, 2, 3))
    close = draw.choice(("await rows.aclose()", "pass"))
    how = "await whole()"
    if draw.chance(0.25):
        seconds = draw.choice((0.0, 0.001, 0.005, 0.02, 0.1))
        how = f"await asyncio.wait_for(asyncio.shield(cut({seconds})), 60)"
    body = _BODIES[name].lstrip("\n").format(
        skip=draw.chance(0.4), most=draw.choice((None, 1, 5)), odd=draw.choice(_ODD_ITEMS),
        check=draw.choice(("raises", "five", "text", "row")),
        method=draw.choice(("exact", "minhash")),
    )  # fmt: skip
    text = _FRAME.format(root=str(ROOT), place=place, limit=limit, close=close, body=body, how=how,
                         model=draw.choice(back_ends), ended=ENDED)  # fmt: skip
    if "cut(" in how:
        text = text.replace("async def main():", _CUT)
    (trial.work / "call.py").write_text(text, "utf-8")
    trial.told += [f"{name} on {made.what}", how]
    trial.may_come += ["written.jsonl", "run", "__pycache__"]
    trial.commands.append(Command(["call.py"], kind="script", due=15))
    trial.says = ENDED


_CUT = '''\
async def cut(seconds):
    """The call, cancelled after a while."""
    task = asyncio.create_task(whole())
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def main():'''
