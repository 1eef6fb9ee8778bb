"""Pipelines from YAML files and Python files, and the sentence for each mistake in one."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth import Scripted
from evolsynth.errors import InputError
from evolsynth.llm.base import Sampling
from evolsynth.pipeline import evolve, gate, generate, load, magpie, merge, respond
from evolsynth.pipeline.graph import Node, Pipeline
from evolsynth.pipeline.yaml.load import load_pipeline, read_pipeline, set_parameters, write_yaml

CHAPTER = """
    name: chapter
    seed: 11
    embedder: none
    models:
      default: smollm2-135m
      big: {model: smollm2-135m, context: 2048}
    steps:
      - load: {data: seeds.jsonl}
      - self_instruct: {num_instructions: 3}
      - evolve: {rounds: 2, sampling: {temperature: 5e-1}}
      - branches:
          - [respond]
          - respond: {model: big, name: big_answers}
      - merge
      - script.py:count_words: {least: 3}
      - gate
"""
SCRIPT = """
    from evolsynth.pipeline import gate, load, respond, step


    @step(needs=["instruction"], gives={"words": "number"})
    async def count_words(rows, *, least: int = 0):
        async for row in rows:
            yield row


    def plain():
        return 3


    pipe = load([{"instruction": "Name a bee."}]) >> respond() >> gate
    long = pipe >> count_words(least=2)


    def make():
        return long


    def slip():
        return respond(max_tokns=3)


    def bug():
        numbers = {}
        return numbers["one"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a script and seeds in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    (tmp_path / "seeds.jsonl").write_text('{"input": "Bees live in hives."}\n')
    return tmp_path


def written(text: str, name: str = "pipe.yaml") -> str:
    Path(name).write_text(textwrap.dedent(text))
    return name


def plain(pipe: Pipeline) -> list[dict[str, Any]]:
    """All that tells one pipeline from another, but for the functions of scripts read anew."""

    def of(node: Node) -> dict[str, Any]:
        fields = {f.name: getattr(node.step, f.name) for f in dataclasses.fields(node.step)}
        fields["function"] = (fields["function"].__module__, fields["function"].__name__)
        return {**fields, "node": node.name, "inputs": node.inputs}

    return [of(node) for node in pipe.nodes()]


def same(one: Pipeline, other: Pipeline) -> bool:
    settings = ("name", "seed", "models", "embedder")
    return plain(one) == plain(other) and all(
        getattr(one, name) == getattr(other, name) for name in settings
    )


def told(text: str) -> str:
    """What is said of a file with these lines."""
    with pytest.raises(InputError) as caught:
        read_pipeline(written(text))
    return str(caught.value)


@pytest.mark.usefixtures("folder")
class TestRead:
    def test_a_file_says_what_a_chain_says(self) -> None:
        read = read_pipeline(written(CHAPTER))
        assert (read.name, read.seed, read.embedder) == ("chapter", 11, None)
        assert read.models == {
            "default": "smollm2-135m",
            "big": {"model": "smollm2-135m", "context": 2048},
        }
        assert [(node.name, node.inputs) for node in read.nodes()] == [
            ("load", ()),
            ("self_instruct", (0,)),
            ("evolve", (1,)),
            ("respond", (2,)),
            ("big_answers", (2,)),
            ("merge", (3, 4)),
            ("count_words", (5,)),
            ("gate", (6,)),
        ]
        steps = [node.step for node in read.nodes()]
        assert steps[2].parameters == {"rounds": 2, "sampling": Sampling(temperature=0.5)}
        assert (steps[4].model, steps[6].parameters) == ("big", {"least": 3})
        read.check()

    def test_it_is_the_same_as_in_python(self) -> None:
        read = read_pipeline(
            written("""
                name: p
                steps:
                  - magpie: {n: 4, system_prompt: Be brief.}
                  - branches: [[evolve, respond], respond: {model: big}]
                  - merge
            """)
        )
        ways = [evolve() >> respond(), respond(model="big")]
        chain = magpie(n=4, system_prompt="Be brief.") >> ways >> merge()
        assert same(read, chain.using(name="p"))

    def test_the_name_is_the_files_without_one(self) -> None:
        assert read_pipeline(written("steps: [magpie]", "bees.yaml")).name == "bees"

    def test_paths_begin_at_the_files_folder(self, folder: Path) -> None:
        (folder / "sub").mkdir()
        (folder / "sub" / "own.py").write_text(textwrap.dedent(SCRIPT))
        loaded = read_pipeline(
            written(
                """
                steps:
                  - branches:
                      - load: {data: seeds.jsonl}
                      - load: {data: /data/seeds.jsonl}
                      - load: {data: "hf://owner/name"}
                  - merge
                  - own.py:count_words
                  - gate: {settings: gate.yaml}
                """,
                "sub/pipe.yaml",
            )
        )
        given = [dict(node.step.parameters) for node in loaded.nodes()]
        assert [values.get("data") for values in given[:3]] == [
            "sub/seeds.jsonl",
            "/data/seeds.jsonl",
            "hf://owner/name",
        ]
        assert given[5] == {"settings": "sub/gate.yaml"}

    def test_a_path_of_somebody_who_has_no_home_here_is_a_name_as_another(self) -> None:
        loaded = read_pipeline(written("steps: [{load: {data: ~nobody-here.jsonl}}]"))
        (node,) = loaded.nodes()
        assert node.step.parameters["data"] == "~nobody-here.jsonl"
        with pytest.raises(InputError, match=r"~nobody-here\.py: no such file"):
            load_pipeline("~nobody-here.py:pipe")

    def test_yaml_is_read_as_editors_read_it(self) -> None:
        """YAML 1.2: ``no`` and dates are texts, 1e-1 is a number."""
        (node,) = read_pipeline(
            written("steps: [generate_rows: {prompt: no, output: 2024-01-01, prefix: '1'}]")
        ).nodes()
        assert node.step.parameters == {"prompt": "no", "output": "2024-01-01", "prefix": "1"}

    def test_anchors_and_merge_keys_do_what_they_do(self) -> None:
        nodes = read_pipeline(
            written("""
                x-brief: &brief {max_tokens: 50, model: big}
                steps:
                  - magpie: {n: 1}
                  - branches:
                      - respond: *brief
                      - respond: {<<: *brief, max_tokens: 60}
                  - merge
            """)
        ).nodes()
        assert [(n.step.model, n.step.parameters["max_tokens"]) for n in nodes[1:3]] == [
            ("big", 50),
            ("big", 60),
        ]

    def test_a_script_is_run_once_and_can_import_its_neighbours(self, folder: Path) -> None:
        (folder / "neighbour_of_script.py").write_text("LEAST = 4\n")
        (folder / "own.py").write_text(
            "from neighbour_of_script import LEAST\nprint('run')\n" + textwrap.dedent(SCRIPT)
        )
        written("steps: [magpie: {n: 1}, own.py:count_words, own.py:count_words: {least: 1}]")
        one, other = (n.step for n in read_pipeline("pipe.yaml").nodes()[1:])
        assert one.function is other.function

    def test_a_step_of_a_module(self, folder: Path) -> None:
        (folder / "steps_of_a_module.py").write_text(textwrap.dedent(SCRIPT))
        text = "steps: [magpie: {n: 1}, steps_of_a_module:count_words]"
        read = read_pipeline(written(text))
        assert read.nodes()[1].step.function.__module__ == "steps_of_a_module"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: [respnd]", "line 1, respnd: no such step. Did you mean 'respond'?"),
        ("stps: []", "line 1, stps: a pipeline has no such field. Did you mean 'steps'?"),
        ("name: x", "pipe.yaml, steps: they are missing."),
        ("", "pipe.yaml: the file is empty."),
        ("- magpie", "line 1: a pipeline is a mapping that has `steps:`, not a list."),
        ("steps: {magpie: }", "line 1, steps: a list of steps was expected, not a mapping."),
        ("steps:\n  - magpie: {n: ten}", "line 2, magpie.n: a whole number or null was expected"),
        ("steps:\n  - magpie: {n: 1, m: 2}", "line 2, magpie.m: magpie has no such option."),
        ("steps:\n  - magpie: {n: 1.5}", "line 2, magpie.n: a whole number or null was expected"),
        ("steps:\n  - magpie: {n: true}", "not true or false."),
        ("steps:\n  - magpie: [1]", "line 2, magpie: options go into a mapping, as in `magpie:"),
        ("steps:\n  - magpie:\n    n: 3", "'n' stands beside 'magpie'. If it is an option of"),
        ("steps:\n  - {magpie: {}, gate: {}}", "one entry has several names: magpie, gate."),
        ("steps:\n  - ", "line 2, steps[1]: an empty step."),
        ("steps: [load]", "line 1, load: the option 'data' is missing. Write `load: {data: ...}`."),
        ("steps: []", "pipe.yaml: The pipeline has no steps."),
        ("steps:\n  - respond", "pipe.yaml, line 2: 'respond' needs rows and stands first."),
        ("steps:\n - magpie\n - gate\n - magpie", "line 4: 'magpie_2' makes rows and takes none"),
        ("steps:\n - magpie\n - gate: {name: a}\n - gate: {name: a}", "line 4: Two steps are"),
        ("steps: [magpie: {n: 1, name: 3}]", "magpie.name: a text was expected, not a whole"),
        ("steps: [magpie: {concurrency: 0}]", "magpie.concurrency: it must be 1 or more."),
        (
            "steps: [magpie: {input_mappings: {a: 1}}]",
            "magpie.input_mappings: in one of its values, a text",
        ),
        (
            "steps: [magpie: {sampling: {temprature: 1}}]",
            "magpie.sampling: there is no 'temprature'. Did you mean 'temperature'?",
        ),
        ("steps: [magpie: {sampling: {temperature: -1}}]", "temperature is -1.0: it must be"),
        ("steps: [magpie, gate: {settings: {bees: 1}}]", "gate.settings: "),
        ("steps:\n  - magpie\n  - branches: []", "line 3, branches: there are none."),
        ("steps:\n  - magpie\n  - branches", "line 3, branches: there are none."),
        ("steps:\n  - magpie\n  - branches: [[]]", "line 3, branches: one is empty."),
        ("steps:\n  - magpie\n  - branches: [respond, gate]", "ends in 2 branches"),
        ("seed: x\nsteps: [magpie]", "line 1, seed: a whole number was expected, not a text."),
        ("embedder: bert\nsteps: [magpie]", "line 1, embedder: 'bert' is unknown."),
        ("name: ../up\nsteps: [magpie]", "line 1, name: '../up' cannot name a folder."),
        ("models: [a]\nsteps: [magpie]", "line 1, models: they are a mapping"),
        ("models: {a: 3}\nsteps: [magpie]", "line 1, models.a: a model is a text as for --model"),
        (
            "models:\n  a: {contxt: 2}\nsteps: [magpie]",
            "line 2, models.a.contxt: no such option. Did you mean 'context'?",
        ),
        ("models: {a: {context: x}}\nsteps: [magpie]", "models.a.context: a whole number was"),
        ("steps: [magpie: {n: 1}", "not YAML (expected ',' or ']'"),
        ("steps:\n\t- magpie", "line 2, column 1: not YAML"),
        ("steps:\n  - magpie: {n: 1,\n     n: 2}", "line 3: 'n' stands twice, first in line 2."),
        ("steps: []\nsteps: []", "line 2: 'steps' stands twice"),
        ("a: &a [*a]", "an alias that contains itself."),
        ("1: 2", "line 1: the name 1 is no text."),
        ("steps: *nowhere", "not YAML (found undefined alias"),
        ("steps: [script.py:nothing]", "script.py has no 'nothing'. Its steps: script.py:count"),
        ("steps: [script.py:count_word]", "Did you mean script.py:count_words?"),
        ("steps: [script.py:plain]", "is a function and no step. Write @step above it"),
        ("steps: [script.py:pipe]", "script.py:pipe is Pipeline and no step."),
        ("steps: [nowhere.py:x]", "nowhere.py: no such file."),
        ("steps: [no.where:x]", "There is no module 'no' (for no.where)."),
        ("steps: ['rm -rf:x']", "neither a Python file nor a module"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_field(text: str, message: str) -> None:
    assert message in told(text)


@pytest.mark.usefixtures("folder")
class TestHostile:
    """Files of strangers: nothing but data is made of them, and little of it."""

    @pytest.mark.parametrize(
        "value",
        [
            "!!python/object/apply:os.system ['touch made']",
            "!!python/name:os.system",
            "!own {a: b}",
        ],
    )
    def test_tags_are_refused(self, value: str) -> None:
        message = told(f"steps:\n  - magpie:\n      system_prompt: {value}")
        assert "line 3" in message
        assert "is not allowed" in message
        assert not Path("made").exists()

    def test_a_few_lines_cannot_stand_for_a_million_values(self) -> None:
        lines = ["x-0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
        lines += [f"x-{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]" for i in range(40)]
        assert "over 200,000 values, aliases taken in" in told("\n".join(lines))

    def test_nor_can_merge_keys(self) -> None:
        lines = ["x-0: &a0 {k: 1}"]
        lines += [f"x-{i + 1}: &a{i + 1} {{<<: [{', '.join([f'*a{i}'] * 9)}]}}" for i in range(40)]
        assert "over 200,000 values" in told("\n".join(lines))

    @settings(deadline=None)
    @given(
        st.integers(0, 400),
        st.integers(0, 30),
        st.sampled_from(["{", "]", ":", "- ", "\n", "\t", "'", "*a", "&a ", "<<: ", "!a ", "\x00"])
        | st.text(max_size=5),
    )
    def test_whatever_stands_in_a_file_is_read_or_told(self, at: int, cut: int, put: str) -> None:
        text = textwrap.dedent(CHAPTER)
        mangled = text[:at] + put + text[at + cut :]
        Path("pipe.yaml").write_bytes(mangled.encode("utf-8", "surrogatepass"))
        message = "pipe.yaml"
        try:
            read_pipeline("pipe.yaml")
        except InputError as error:
            message = str(error)
        assert message.startswith("pipe.yaml")

    @pytest.mark.parametrize("depth", [200, 20_000])
    def test_deep_nesting_is_told(self, depth: int) -> None:
        assert "nested too deeply" in told("steps: " + "[" * depth + "]" * depth)

    def test_a_number_that_is_too_long(self) -> None:
        assert "too long a number" in told(f"seed: {'9' * 5000}\nsteps: [magpie]")

    def test_bytes_that_are_no_text(self, folder: Path) -> None:
        (folder / "pipe.yaml").write_bytes(b"steps: [\xff]")
        with pytest.raises(InputError, match=r"pipe\.yaml: not UTF-8 text"):
            read_pipeline("pipe.yaml")

    def test_a_folder_is_no_file(self, folder: Path) -> None:
        with pytest.raises(InputError, match="cannot be read"):
            read_pipeline(folder)


@pytest.mark.usefixtures("folder")
class TestLoad:
    @pytest.mark.parametrize(
        ("spec", "name", "steps"),
        [
            ("script.py:pipe", "script", 3),
            ("script.py:long", "script-long", 4),
            ("script.py:make", "script", 4),
            ("evolsynth.pipeline:magpie", "pipeline-magpie", 1),
            ("pipe.yaml", "chapter", 8),
        ],
    )
    def test_a_pipeline_by_what_it_is_called(self, spec: str, name: str, steps: int) -> None:
        written(CHAPTER)
        pipe = load_pipeline(spec)
        assert (pipe.name, len(pipe.nodes())) == (name, steps)

    def test_a_script_that_was_changed_is_read_anew(self, folder: Path) -> None:
        assert len(load_pipeline("script.py:pipe").nodes()) == 3
        script = (folder / "script.py").read_text().replace("respond() >> gate", "respond()")
        (folder / "script.py").write_text(script)
        assert len(load_pipeline("script.py:pipe").nodes()) == 2

    def test_a_script_may_have_the_name_of_a_module(self, folder: Path) -> None:
        import json

        (folder / "json.py").write_text(textwrap.dedent(SCRIPT))
        assert len(load_pipeline("json.py:pipe").nodes()) == 3
        assert sys.modules["json"] is json

    def test_a_name_of_the_users_own_stays(self, folder: Path) -> None:
        with (folder / "script.py").open("a") as file:
            file.write("named = pipe.using(name='bees')\n")
        assert load_pipeline("script.py:named").name == "bees"

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ("nothing", "nothing: no such file. Give a YAML file, script.py:NAME or package."),
            ("nothing.yaml", "nothing.yaml: no such file."),
            ("nothing.py:pipe", "nothing.py: no such file."),
            ("nothing.at.all:pipe", "There is no module 'nothing' (for nothing.at.all)."),
            ("script.py", "say what is meant. Its pipelines: script.py:pipe, script.py:long."),
            ("script.py:pip", "script.py has no 'pip'. Did you mean script.py:pipe?"),
            ("script.py:zzz", "Its pipelines: script.py:pipe, script.py:long."),
            ("script.py:plain", "is int and no pipeline. Name a pipeline, a step, or a function"),
            ("script.py:slip", "script.py, line 24: respond(): got an unexpected keyword"),
            ("script.py:bug", "script.py, line 29: KeyError: 'one'. Mend it, and run again."),
            ("broken.py:pipe", "broken.py, line 2: SyntaxError: "),
            ("raises.py:pipe", "raises.py, line 3: ZeroDivisionError: division by zero."),
            ("exits.py:pipe", "exits.py, line 1: it ended Python (sys.exit)."),
            ("lacks.py:pipe", "lacks.py, line 1: ModuleNotFoundError: No module named 'nowhere'"),
        ],
    )
    def test_what_is_wrong_is_told_without_a_traceback(
        self, folder: Path, spec: str, message: str
    ) -> None:
        (folder / "broken.py").write_text("x = 1\nx = = 2\n")
        (folder / "raises.py").write_text("def f():\n    one = 1\n    return one / 0\nf()\n")
        (folder / "exits.py").write_text("raise SystemExit(2)\n")
        (folder / "lacks.py").write_text("import nowhere\n")
        with pytest.raises(InputError) as caught:
            load_pipeline(spec)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("folder")
class TestParameters:
    def test_options_of_steps_are_set_by_the_steps_names(self) -> None:
        pipe = magpie(n=3) >> [respond(), respond(name="others", max_tokens=9)] >> merge
        changed = set_parameters(
            pipe,
            [
                "magpie.n=5",
                "respond.model=big",
                "others.max_tokens=20",
                "others.sampling={temperature: 0.5}",
                "others.name=more",
                "magpie.system_prompt=Say a=b",
            ],
        )
        assert [(n.name, n.step.model, dict(n.step.parameters)) for n in changed.nodes()[:3]] == [
            ("magpie", None, {"n": 5, "system_prompt": "Say a=b"}),
            ("respond", "big", {}),
            ("more", None, {"max_tokens": 20, "sampling": Sampling(temperature=0.5)}),
        ]
        assert pipe.nodes()[0].step.parameters == {"n": 3}

    @pytest.mark.parametrize(
        ("parameter", "message"),
        [
            ("respond", "write STEP.OPTION=VALUE"),
            ("respond=3", "write STEP.OPTION=VALUE"),
            ("respnd.samples=2", "no step 'respnd'. Did you mean 'respond'?"),
            ("respond.smples=2", "respond has no such option. Did you mean 'samples'?"),
            ("respond.samples=two", "a whole number was expected, not a text."),
            ("respond.sampling={top: 1}", "there is no 'top'"),
            ("respond.samples=[", "not YAML"),
            ("respond.name=magpie", "Two steps are named 'magpie'"),
        ],
    )
    def test_what_is_wrong_is_told(self, parameter: str, message: str) -> None:
        with pytest.raises(InputError) as caught:
            set_parameters(magpie(n=3) >> respond(), [parameter])
        assert message in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("null", None),
            ("'null'", "null"),
            ("3", "3"),
            ("Answer: {{ instruction }}", "Answer: {{ instruction }}"),
            ("{{ instruction }} In short:", "{{ instruction }} In short:"),
            ("[as it is", "[as it is"),
        ],
    )
    def test_a_text_needs_no_quotes(self, text: str, value: str | None) -> None:
        pipe = set_parameters(magpie(n=1) >> respond(), [f"respond.system={text}"])
        assert pipe.nodes()[1].step.parameters == {"system": value}

    def test_an_option_of_a_step_of_the_users_own(self) -> None:
        pipe = set_parameters(load_pipeline("script.py:long"), ["count_words.least=7"])
        assert pipe.nodes()[-1].step.parameters == {"least": 7}
        with pytest.raises(InputError, match="a whole number was expected"):
            set_parameters(pipe, ["count_words.least=x"])


@pytest.mark.usefixtures("folder")
class TestWrite:
    def test_what_is_written_is_read_as_the_same(self) -> None:
        pipe = read_pipeline(written(CHAPTER))
        assert same(read_pipeline(written(write_yaml(pipe), "again.yaml")), pipe)

    def test_only_what_was_given_is_written(self) -> None:
        chain = magpie(n=2) >> respond(sampling=Sampling(temperature=0.0), seed=4)
        assert write_yaml(chain.using(name="short", embedder=None)) == textwrap.dedent("""\
            name: short
            seed: 7
            embedder: none
            steps:
            - magpie:
                n: 2
            - respond:
                sampling:
                  temperature: 0.0
                seed: 4
        """)

    @given(
        prompt=st.text(min_size=1) | st.text(" \n\t:#-|ab\x85\"'", min_size=1),
        words=st.dictionaries(st.text(), st.text()),
        scale=st.floats(allow_nan=False),
    )
    def test_any_text_survives(self, prompt: str, words: dict[str, str], scale: float) -> None:
        chain = Pipeline((magpie(system_prompt=words, n=1, on_topic=scale),)) >> generate(
            prompt=prompt
        )
        Path("any.yaml").write_text(write_yaml(chain), encoding="utf-8")
        assert same(read_pipeline("any.yaml"), chain.using(name="pipeline"))

    @pytest.mark.parametrize(
        ("pipe", "message"),
        [
            (magpie(n=1) >> respond(model=Scripted("x")), "respond: its model is an object"),
            (magpie(n=1) >> respond(prompt=print), "respond: prompt is builtin_function_or_method"),
            ((magpie(n=1) >> gate).using(models={"a": Scripted("x")}), "models['a'] is Scripted"),
            ((magpie(n=1) >> gate).using(embedder=object()), "embedder is an object"),
            (load([{"a": object()}]) >> gate, "load: data is object and has no form in YAML"),
        ],
    )
    def test_what_has_no_form_in_yaml_is_told(self, pipe: Pipeline, message: str) -> None:
        with pytest.raises(InputError) as caught:
            write_yaml(pipe)
        assert message in str(caught.value)

    def test_a_step_made_inside_a_function_has_no_name(self) -> None:
        from evolsynth.pipeline.makers import step

        @step
        async def local(rows: Any) -> Any:
            async for row in rows:
                yield row

        with pytest.raises(InputError, match="'local' has no name that YAML can call it by"):
            write_yaml(magpie(n=1) >> local)
