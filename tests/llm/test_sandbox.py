"""A template is code that came with a download: it comes to an end, and reads nothing."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2.exceptions import SecurityError, TemplateAssertionError

from evolsynth.llm.sandbox import Sandbox, TooMuchWorkError

MANY = (
    "{{% set x = 'a' * 9**5 %}}{{% for i in range(9**4) %}}{{% if {} %}}{{% endif %}}{{% endfor %}}"
)


def render(source: str, **variables: Any) -> str:
    sandbox = Sandbox({})
    with sandbox.bounded(len(source)):
        return sandbox.from_string(source).render(**variables)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(9**5) %}{% for b in range(9**5) %}{% endfor %}{% endfor %}",
        "{% for a in range(9**5) %}{% for b in range(9**5) if false %}{% endfor %}{% endfor %}",
        "{% for a in range(9**5) recursive %}{{ loop(range(9**5)) }}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(40) }}",
        "{% for a in range(9**5) %}" + "long " * 10_000 + "{% endfor %}",
    ],
    ids=["loops in loops", "conditions", "a loop in itself", "macros", "long texts"],
)
def test_endless_work_is_ended(source: str) -> None:
    with pytest.raises(TooMuchWorkError, match="too much work"):
        render(source)


@pytest.mark.parametrize(
    "doubled",
    [
        "{% set ns.x = ns.x ~ ns.x %}",
        "{% set ns.x = ns.x + ns.x %}",
        "{% set ns.x = ns.x * 2 %}",
        "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}",
        "{% set ns.x = ns.x.replace('a', 'aa') %}",
        "{% set ns.x = ns.x | replace('a', 'aa') %}",
        "{% set ns.x = [ns.x, ns.x] %}",
        "{% set ns.x = {'a': ns.x, 'b': ns.x} %}",
        "{% set ns.x = (ns.x, ns.x) %}",
        "{% set ns.x = dict(a=ns.x, b=ns.x) %}",
        "{% set ns.x = '%s%s' % (ns.x, ns.x) %}",
        "{% set ns.x = '{0}{0}'.format(ns.x) %}",
        "{% set ns.x = ns.x.join([ns.x, ns.x, ns.x]) %}",
    ],
)
def test_what_doubles_is_ended(doubled: str) -> None:
    with pytest.raises(TooMuchWorkError):
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
        "{{ '%.999999999f' % 1 }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ '{:{}}'.format(1, 999999999) }}",
        "{{ 'a\nb' | indent(10**10) }}",
        "{{ range(9**5) | join('long ' * 9**5) }}",
        "{{ ('a' * 9**5).replace('a', 'b' * 9**5) }}",
        "{{ ('a' * 9**5) | map('replace', 'a', 'b' * 9**5) | list }}",
        MANY.format("x[::-1]"),
        MANY.format("'b' in x"),
        MANY.format("x is eq('b')"),
    ],
)
def test_one_operation_cannot_make_much_of_little(source: str) -> None:
    with pytest.raises((TooMuchWorkError, OverflowError)):
        render(source)


@pytest.mark.parametrize("method", ["center", "ljust", "rjust", "zfill", "expandtabs"])
def test_there_are_no_methods_that_pad(method: str) -> None:
    with pytest.raises(SecurityError):
        render(f"{{{{ 'a\t'.{method}(10**12) }}}}")


@pytest.mark.parametrize("name", ["random", "center", "wordwrap", "pprint", "urlize", "format"])
def test_there_are_no_filters_that_pad_or_draw_at_random(name: str) -> None:
    with pytest.raises(TemplateAssertionError, match=f"No filter named '{name}'"):
        render("{{ [1, 2] | " + name + " }}")


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
    with pytest.raises(Exception, match=r"unsafe|undefined|no attribute|not safely"):
        render(source)


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


def test_work_grows_with_the_messages() -> None:
    content = "word " * 200_000
    sandbox = Sandbox({})
    template = sandbox.from_string("{{ content | trim }}{% for c in content %}{% endfor %}")
    with sandbox.bounded(len(content)):
        assert template.render(content=content) == content.strip()
    with pytest.raises(TooMuchWorkError), sandbox.bounded(0):
        template.render(content=content)


def test_nothing_runs_outside_of_a_bound() -> None:
    with pytest.raises(TooMuchWorkError):
        Sandbox({}).from_string("{{ x }}").render(x="a")
