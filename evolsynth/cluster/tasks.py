"""Functions called in Ray's tasks, their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from evolsynth.cluster.connect import processors
from evolsynth.errors import EvolsynthError, SetupError

__all__ = ["in_tasks", "shared"]

T = TypeVar("T")
_TRIES = 5  # of a task whose process or machine was lost


def shared(value: Any) -> Any:
    """Something that many tasks are given, sent once to each machine."""
    import ray

    return ray.put(value)


def in_tasks(work: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Iterator[T]:
    """What ``work`` gives for each call's arguments, in order; some calls are under way at once.

    A task whose process is lost is done again, so ``work`` must do the same each time. The tasks
    that are left when something goes wrong end with the connection.

    Raises:
        EvolsynthError: as ``work`` raised it.
        SetupError: a task was lost again and again.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError

    task = ray.remote(num_cpus=1, max_retries=_TRIES)(work)
    most, waiting = 2 * max(1, int(processors())), deque[Any]()

    def next_one() -> T:
        try:
            one: T = ray.get(waiting[0])
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, EvolsynthError | OSError):
                raise cause from None
            if isinstance(cause, ImportError) or "failed to import" in str(cause):
                said = str(cause).strip().partition("\n")[0].rstrip(".")
                raise SetupError(
                    f"Ray's machines lack a package ({said}). Install evolsynth there as it is "
                    "here: pip install 'evolsynth[data,ray]'"
                ) from None
            raise
        except RayError as error:
            said = str(error).strip().partition("\n")[0]
            raise SetupError(
                f"A task of Ray was lost {_TRIES} times ({said}). See that the machines have "
                "memory left, and run again."
            ) from None
        waiting.popleft()
        return one

    # What is left where this ends sooner ends with the connection. To cancel it instead would bring
    # down this process now and then: Ray 2.60 cannot take an answer that comes behind that.
    for call in calls:
        if len(waiting) >= most:
            yield next_one()
        waiting.append(task.remote(*call))
    while waiting:
        yield next_one()
