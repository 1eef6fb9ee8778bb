"""Where Ray is, and what of it a run may take. Nothing of Ray itself is imported here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec

from evolsynth.llm.base import LLM
from evolsynth.options import Count, Natural

__all__ = ["LOCAL", "Ray"]

#: The address that stands for a Ray of this machine's own, begun and ended by the run.
LOCAL = "local"


class Ray(msgspec.Struct, frozen=True, kw_only=True):
    """Run a pipeline's models on Ray: ``await pipeline.run(folder, on=Ray(address="auto"))``.

    Each worker is a process on some node with an engine of its own. The plan, the gate's rules and
    the store stay where the run was started, so a run gives the bytes that it gives without Ray,
    whatever becomes of workers. What the gate compares rows with lies on the nodes, too.

    Args:
        address: ``local`` begins a Ray on this machine and ends it with the run; ``auto`` takes
            the one that this machine belongs to; else HOST:PORT.
        workers: processes at most; by default as many as there are processors for, also of nodes
            that come later.
        cpus: processors of each worker, which are its engine's threads.
        spare: processors that workers leave to others; a run that reads a Ray Dataset leaves one at
            least, which its blocks are made on.
        shards: processes among which the texts are shared out that the gate has let through; by
            default one for each node where there are several, else none, and they stay in the
            run's process.
        mixed: take workers also whose processors compute other last bits than the first one's.
            Rows then depend on who answered.
        patience: seconds without a word after which a worker is taken for dead.
        served: have the workers ask models behind servers, too, each by the address as its node
            sees it: ``vllm:http://localhost:8000`` is a server on each node. Where a run has no
            other models, there is one worker on each node. A key is that of the node's own
            environment. By default servers are asked by the run itself.
        models: what makes a model of a name, instead of `open_llm`: a function without arguments
            for each, which Ray carries to the workers.
    """

    address: str = LOCAL
    workers: Count | None = None
    cpus: Count = 1
    spare: Natural = 0
    shards: Natural | None = None
    mixed: bool = False
    patience: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    served: bool = False
    models: Mapping[str, Callable[[], LLM]] = {}
