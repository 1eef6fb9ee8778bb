"""A template is code that came with a download: it comes to an end, and reads nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from evolsynth.errors import InputError, SetupError, TemplateError
from evolsynth.llm import sandbox
from evolsynth.llm.sandbox import Fault, Sandboxed
from evolsynth.llm.template import ChatTemplate
from evolsynth.methods.generate import RowTemplate
from evolsynth.rows import Message, Row

LONG = "a" * 10**5
ENDED = r"too much (work|memory)|too long a text|recursion|range"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 0.2)


def render(source: str, *, chat: bool = True, **variables: Any) -> str:
    return Sandboxed(source, chat=chat).render(variables)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(9**5) %}{% for b in range(9**5) %}{% endfor %}{% endfor %}",
        "{% for a in range(9**5) %}{% for b in range(9**5) if false %}{% endfor %}{% endfor %}",
        "{% for a in range(9**5) recursive %}{{ loop(range(9**5)) }}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(40) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for i in range(90000) %}{% if s is lower %}{% endif %}{% endfor %}",
        "{% for i in range(90000) %}{% if s | sort | list %}{% endif %}{% endfor %}",
        "{% for i in range(90000) %}{% if s | tojson %}{% endif %}{% endfor %}",
        "{% for i in range(90000) %}{% if 'b' in s * 9 %}{% endif %}{% endfor %}",
        "{% for i in range(90000) %}{{ s | wordwrap(1) | urlize | striptags }}{% endfor %}",
        "{% for i in range(10**9) %}{% endfor %}",
    ],
)
def test_endless_work_is_ended(source: str) -> None:
    began = time.monotonic()
    with pytest.raises(Fault, match=ENDED):
        render(source, s=LONG)
    assert time.monotonic() - began < 20
    assert render("{{ s }}", s="next") == "next"


@pytest.mark.parametrize(
    "doubled",
    [
        "{% set ns.x = ns.x ~ ns.x %}",
        "{% set ns.x = ns.x * 2 %}",
        "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}",
        "{% set ns.x = ns.x | replace('a', 'aa') %}",
        "{% set ns.x = '%s%s' % (ns.x, ns.x) %}",
        "{% set ns.x = '{0}{0}'.format(ns.x) %}",
        "{% set ns.x = ns.x.join([ns.x, ns.x, ns.x]) %}",
        "{% set ns.x = [ns.x, ns.x] | string %}",
    ],
)
def test_what_doubles_is_ended(doubled: str) -> None:
    with pytest.raises(Fault, match=ENDED):
        render(
            "{% set ns = namespace(x='aa') %}{% for i in range(80) %}" + doubled + "{% endfor %}"
        )


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**12 }}",
        "{{ 10**12 * [1] }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%*d' % (999999999, 1) }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ 'a\nb' | indent(10**10) }}",
        "{{ 'a'.center(10**12) }}{{ 'a'.zfill(10**12) }}",
        "{{ ('a' * 9**5).replace('a', 'b' * 9**5) }}",
        "{{ ('a' * 9**8) }}",
    ],
)
def test_one_operation_cannot_make_much_of_little(source: str) -> None:
    with pytest.raises(Fault, match=ENDED + "|too long|too large"):
        render(source)


@pytest.mark.parametrize("name", ["random", "nothing"])
def test_there_is_no_filter_that_draws_at_random(name: str) -> None:
    with pytest.raises(Fault, match=f"No filter named '{name}'"):
        render("{{ [1, 2] | " + name + " }}")


@pytest.mark.parametrize("source", ["{% include '/etc/passwd' %}", "{% extends 'a' %}",
    "{% import 'os' as o %}{{ o }}"])  # fmt: skip
def test_nothing_is_loaded(source: str) -> None:
    with pytest.raises(Fault, match="no loader"):
        render(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__name__ }}",
        "{{ '' | attr('__class__') }}{{ ''['__class__'].__mro__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ dict.mro() }}",
        "{{ '{0.__class__.__mro__}'.format('').nothing.at_all }}",
        "{{ (['__class__'] | map(attribute='__class__') | first).nothing }}",
    ],
)
def test_attributes_of_the_machinery_are_not_read(source: str) -> None:
    with pytest.raises(Fault, match=r"unsafe|undefined|no attribute|not safely"):
        render(source, chat=False)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ x if x is defined else 'no' }}", "no"),
        ("{% if tools is not none and tools %}a{% else %}b{% endif %}", "b"),
        ("{% for a, b in {'k': 1}.items() %}{{ a ~ b }}{% endfor %}", "k1"),
        ("{% for a in [1, 2, 3] if a != 2 %}{{ a }}{{ loop.last }}{% endfor %}", "1False3True"),
        ("{% for a in [1, 2, 3] %}{% if a == 2 %}{% break %}{% endif %}{{ a }}{% endfor %}", "1"),
        ("{% for a in [1, [2]] recursive %}{{ a if a is number else loop(a) }}{% endfor %}", "12"),
        ("{{ [1, 2, 3][1:] | length }}{{ 'abc'[::-1] }}", "2cba"),
        ("{{ 'a' in 'abc' }}{{ 'a' is in 'abc' }}", "TrueTrue"),
        ("{{ '%02d %s' % (7, 'x') }}{{ '{:>3}'.format(1) }}", "07 x  1"),
        ("{{ ' A b ' | trim | lower | replace('b', 'c') }}", "a c"),
        ("{{ ['a', 'b'] | map('upper') | join(', ') }}", "A, B"),
        ("{{ 'a<b>c'.split('<b>')[-1].strip() }}", "c"),
        ("{% macro f(x, y=2) %}{{ x * y }}{% endmacro %}{{ f(3) }}{{ f(3, y=3) }}", "69"),
        ("{% macro f() %}({{ caller() }}){% endmacro %}{% call f() %}x{% endcall %}", "(x)"),
        ("{% set ns = namespace(n=0) %}{% for i in 'ab' %}{% set ns.n = ns.n + 1 %}"
         "{% endfor %}{{ ns.n }}", "2"),
        ("{{ 'a\nb' | indent(2) }}{{ 'a\nb' | indent('> ', first=true) }}", "a\n  b> a\n> b"),
        ("{% filter upper %}a{% endfilter %}", "A"),
    ],
)  # fmt: skip
def test_what_chat_templates_do_is_done(source: str, expected: str) -> None:
    assert render(source, tools=None) == expected


def test_every_door_of_templates_tells_the_end_of_one() -> None:
    endless = "{% for a in range(9**5) %}{% for b in range(9**5) %}{% endfor %}{% endfor %}"
    with pytest.raises(InputError, match=r"fails for row .*: it does too much work"):
        RowTemplate(endless + "{{ instruction }}").render(Row.make("Name a river."))
    with pytest.raises(TemplateError, match=r"chat template fails: it does too much work.*Give"):
        ChatTemplate(endless).render([Message("user", "Hi")])


@pytest.mark.parametrize("text", ["\ud800 alone", "\ue5a00\ue5a1", "{{ 7 * 7 }}", "x" * 10**6])
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert render("<{{ s }}>", s=text) == f"<{text}>"
    assert RowTemplate("<{{ instruction }}>").render(Row.make("i", extra={})) == "<i>"


def test_objects_keep_their_kinds() -> None:
    source = "{{ t }} {{ d }} {{ f }} {{ n }}"
    made = render(source, t=(1, 2), d={1: [None]}, f=float("nan"), n=10**30)
    assert made == f"(1, 2) {{1: [None]}} nan {10**30}"


def test_threads_take_turns() -> None:
    template, made = Sandboxed("{{ s }}"), []
    threads = [
        threading.Thread(target=lambda i=i: made.append((i, template.render({"s": i}))))
        for i in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [(i, str(i)) for i in range(20)]


def test_a_renderer_that_was_killed_is_started_again() -> None:
    template = Sandboxed("{{ s }}")
    assert sandbox._renderer is not None
    sandbox._renderer._process.kill()
    sandbox._renderer._process.wait()
    assert template.render({"s": 1}) == "1"


def test_a_forked_process_has_a_renderer_of_its_own() -> None:
    template = Sandboxed("{{ s }}")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, template.render({"s": "forked"}).encode())
        sandbox._end()
        os._exit(0)
    assert template.render({"s": "here"}) == "here"
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(read, 100) == b"forked"
    os.close(read)
    os.close(write)


def test_ctrl_c_ends_a_render_at_once_and_leaves_the_next_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 30.0)
    endless = Sandboxed("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
                        "{% endfor %}")  # fmt: skip
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        endless.render({})
    assert time.monotonic() - began < 10
    assert render("{{ s }}", s="next") == "next"


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "from evolsynth.llm import sandbox as s, template; import os;"
        "s.Sandboxed('{{ x }}'); print(s._renderer._process.pid, flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    pid = int(done.stdout)
    for _ in range(200):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("it is still there")


def test_a_machine_without_room_for_a_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_renderer", None)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(SetupError, match=r"cannot run \(it ended with status 1\).*ulimit"):
        render("{{ x }}")


def test_what_cannot_be_copied_is_told() -> None:
    with pytest.raises(Fault, match="cannot be copied"):
        render("{{ x }}", x=lambda: 1)
