"""Running a stranger's template: it reads no attributes, and it comes to an end.

jinja2's sandbox keeps a template from what it was not given. It does not keep it from loops in
loops, macros that call themselves, or texts that double; those would hang a run, or get it
killed for its memory. So work is counted here, each turn of a loop and each call, and the
size of what is put together. What could make a large text of a small one in a single operation
is checked before or left out, and what draws at random is left out too: the same messages must
give the same prompt.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from jinja2 import ext, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

__all__ = ["FAILURES", "Sandbox", "TooMuchWorkError", "reason_of"]

#: What running a stranger's template can end in.
FAILURES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)

_UNITS = 1_000_000  # for a render, and
_UNITS_EACH = 50  # for each character of the messages
_STEP = 10  # units for a turn of a loop or a call; one for each character or item put together
_DIGITS = 10_000  # bits of a whole number

#: jinja2's filters that are allowed.
_FILTERS = """
    abs attr capitalize count d default dictsort e escape first float forceescape groupby indent
    int items join last length list lower map max min reject rejectattr replace reverse round
    safe select selectattr sort string sum title trim unique upper wordcount
"""
_left: ContextVar[int | None] = ContextVar("left", default=None)
_EXPANDING = frozenset({"center", "expandtabs", "ljust", "rjust", "translate", "zfill"})
_LONG = 64  # characters of a template's own text that are worth counting each time
_WIDE = re.compile(r"%[^a-zA-Z%]*(\d{4}|\*)|\{[^{}]*\d{4}|:[^{}]*\{")


class TooMuchWorkError(SecurityError):
    """A template did more than any chat template has to."""


class Sandbox(ImmutableSandboxedEnvironment):
    """jinja2's sandbox, set as for chat templates, with all work counted.

    Compile and render inside `bounded`. ``filters`` are added to the usual ones that are allowed.
    """

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, filters: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            extensions=[ext.loopcontrols],
            finalize=self.held,
        )
        allowed = {name: FILTERS[name] for name in _FILTERS.split()} | dict(filters)
        self.filters = {name: self._counted(name, f) for name, f in allowed.items()}
        del self.globals["lipsum"]

    @contextmanager
    def bounded(self, characters: int) -> Iterator[None]:
        """Allow the work that a template and messages of so many characters may take.

        Raises:
            TooMuchWorkError: from what is done inside.
        """
        token = _left.set(_UNITS + _UNITS_EACH * characters)
        try:
            yield
        finally:
            _left.reset(token)

    def spend(self, units: int) -> None:
        """Count work.

        Raises:
            TooMuchWorkError: more than is left, or outside of `bounded`.
        """
        left = (_left.get() or 0) - units
        _left.set(left)
        if left < 0:
            raise TooMuchWorkError("it does too much work or makes too long a text")

    # What the compiled template calls ---------------------------------------------------------

    def step(self) -> bool:
        """A turn of a loop; true, so that it can stand before a condition."""
        self.spend(_STEP)
        return True

    def held(self, value: Any) -> Any:
        """The value, its size counted, with all that it holds as often as it is in there."""
        waiting = [value]
        while waiting:
            item = waiting.pop()
            if isinstance(item, str | bytes | range):
                self.spend(len(item))
            elif isinstance(item, list | tuple | set):
                self.spend(len(item) + 1)
                waiting += item
            elif isinstance(item, dict):
                self.spend(len(item) + 1)
                waiting += [*item, *item.values()]
        return value

    def joined(self, *parts: Any) -> str:
        """``a ~ b``."""
        return "".join(str(self.held(part)) for part in parts)

    # What jinja2 asks for ---------------------------------------------------------------------

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return cast("nodes.Template", _Counting().visit(super()._parse(source, name, filename)))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """As jinja2 has it, and no methods that pad texts."""
        if isinstance(obj, str | bytes) and attr in _EXPANDING:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """``format``, unless the text asks for great widths."""
        wrapped = super().wrap_str_format(value)
        if wrapped is not None and _WIDE.search(str(value.__self__)):
            raise TooMuchWorkError("it formats a text to a great width")
        return wrapped

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operation whose result may be much larger than what goes in."""
        if isinstance(left, int) and isinstance(right, int):
            size = abs(left).bit_length()
            bits = size * max(right, 0) if operator == "**" else size + abs(right).bit_length()
            if bits > _DIGITS:
                raise TooMuchWorkError("it reckons with numbers of too many digits")
        elif operator == "*":
            for times, what in ((left, right), (right, left)):
                if isinstance(times, int) and hasattr(what, "__len__"):
                    self.spend(max(times, 0) * len(what))
        elif operator == "%" and isinstance(left, str) and _WIDE.search(left):
            raise TooMuchWorkError("it formats a text to a great width")
        return self.held(super().call_binop(context, operator, left, right))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """A call in a template."""
        owner = getattr(__obj, "__self__", None)
        if owner is __self:  # what `_Counting` put there
            return __obj(*args)
        __self.spend(_STEP)
        name = getattr(__obj, "__name__", "")
        if isinstance(owner, str | bytes | list | dict):
            __self.held(owner)
            __self._check_growth(name, (owner, *args))
        return __self.held(super().call(__context, __obj, *args, **kwargs))

    def _counted(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """A filter whose work is counted."""
        first = 1 if hasattr(work, "jinja_pass_arg") else 0  # the context, or the environment

        @functools.wraps(work)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.spend(_STEP)
            given = (*args[first:], *kwargs.values())
            self.held(given)
            self._check_growth(name, given)
            return self.held(work(*args, **kwargs))

        return counted

    def _check_growth(self, name: str, given: tuple[Any, ...]) -> None:
        """Count, before it is made, what becomes larger than the sum of what goes in."""
        subject, *rest = given
        if name == "replace" and len(rest) >= 2 and isinstance(subject, str):
            self.spend(subject.count(str(rest[0])) * len(str(rest[1])))
        elif name == "join" and rest:
            lengths = [len(x) for x in (subject, rest[0]) if hasattr(x, "__len__")]
            self.spend(functools.reduce(int.__mul__, lengths, 1))
        elif name == "indent":
            widths = [x if isinstance(x, int) else len(str(x)) for x in rest]
            self.spend((str(subject).count("\n") + 1) * max([4, *widths]))


class _Counting(NodeTransformer):
    """Puts the counting into a parsed template, where jinja2 has no hook for it.

    The methods' names are those of the nodes.
    """

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(_call("step"), lineno=node.lineno))
        if node.test is not None:
            node.test = nodes.And(_call("step"), node.test)
        return node

    def visit_Output(self, node: nodes.Output) -> list[nodes.Node]:  # noqa: N802
        self.generic_visit(node)
        size = sum(len(x.data) for x in node.nodes if isinstance(x, nodes.TemplateData))
        if size < _LONG:
            return [node]
        return [nodes.ExprStmt(_call("spend", nodes.Const(size)), lineno=node.lineno), node]

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("held", node) if isinstance(node.arg, nodes.Slice) else node

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if node.args:
            node.node = _call("held", node.node)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("joined", *node.nodes)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("held", node)

    visit_Dict = visit_List  # noqa: N815

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("held", node) if node.ctx == "load" else node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _call("held", node.expr)
        for operand in node.ops:
            operand.expr = _call("held", operand.expr)
        return node


def _call(name: str, *values: nodes.Expr) -> nodes.Call:
    return nodes.Call(nodes.EnvironmentAttribute(name), list(values), [], None, None)


def reason_of(error: BaseException) -> str:
    """Why, on one line and without a full stop; some errors say nothing but their name."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
