"""A request as one line of a batch: what would be its first question, and the answer to that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from evolsynth.errors import RequestError
from evolsynth.llm.base import Completion, Request
from evolsynth.llm.server import forms

__all__ = ["Lines"]


class _Asked(Exception):  # noqa: N818 - it never leaves this file
    """A question that would have been asked."""

    def __init__(self, path: str, body: Mapping[str, Any]) -> None:
        super().__init__(path)
        self.path, self.body = path, body


class Lines:
    """Requests and answers in a server's form.

    Args:
        form: the server's, whenever it is needed.
    """

    def __init__(self, form: Callable[[], forms.Form]) -> None:
        self._form = form

    def body(self, request: Request) -> tuple[str, Mapping[str, Any]]:
        """The path and the JSON of a request.

        Raises:
            RequestError: it takes more than one question, so it can be no line.
        """

        async def post(path: str, body: Mapping[str, Any], **_: Any) -> Any:
            raise _Asked(path, body)

        work = forms.answered(self._form()._replace(post=post), request)
        try:
            work.send(None)
        except _Asked as asked:
            return asked.path, asked.body
        finally:
            work.close()
        raise RequestError("This request cannot go in a batch. Run without --batch.")

    async def read(self, request: Request, body: Any) -> Completion:
        """The answer in a line's JSON. One that is not as it was wanted is asked for once more, by
        itself, as it would have been without a batch.

        Raises:
            RequestError: no answer was as it was wanted.
            ValueError, LookupError, TypeError: the JSON is no answer.
        """
        form, line, first = self._form(), body, True

        async def post(path: str, body: Mapping[str, Any], **told: Any) -> Any:
            nonlocal first
            if not first:
                return await form.post(path, body, **told)
            first = False
            read = told.get("read")
            return line if read is None else read(line)

        return await forms.answered(form._replace(post=post), request)
