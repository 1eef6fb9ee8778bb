# `make demo` and `make test` need Python 3.11, a C and a C++ compiler, and a package index that
# pip can reach; everything else is set up in .venv on the first call. Paths are relative, because
# Make cannot hold a target whose path has a space.

PY ?= python3
PYTHON = .venv/bin/python
ARGS ?=
# Compiled once and kept, not in each of the hundreds of processes that tests start.
export PYTHONDONTWRITEBYTECODE =
# Whole files go to two processes, each with its own model and embedder, in the order of collection.
TWO = -n 2 --dist loadfile --no-loadscope-reorder

# Warnings are errors: a link that leads nowhere, a page that is in no list. All is read anew (-E), as
# docstrings may have changed.
SPHINX = -m sphinx -W --keep-going -q -E -b html -d .build/doctrees -c docs . site

# $(call part,NAME,COMMAND): say what runs, run it, say how long it took.
define part
@printf '== %s\n' '$(1)'; began=$$(date +%s); $(2) && printf '== %s: %d s\n' '$(1)' $$(($$(date +%s) - began))
endef

.PHONY: help setup setup-demo setup-docs demo test test-all lint docs peers clean distclean
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: ## make .venv: torch, llama.cpp compiled for this CPU, model, embedder (5 to 12 min, once)
	@$(PY) scripts/bootstrap.py

# What the demo and the site need alone: a larger set-up does, too.
setup-demo:
	@$(PY) scripts/bootstrap.py --to-use

setup-docs:
	@$(PY) scripts/bootstrap.py --to-document

demo: setup-demo ## make a small data set and its report in runs/demo (ARGS="..." is passed on)
	$(call part,demo,$(PYTHON) -m evolsynth demo -o runs/demo $(ARGS))

test: lint ## lint, then the tests in two processes (ARGS="-k magpie" is passed to pytest)
	$(call part,pytest,$(PYTHON) -m pytest $(TWO) -m "not slow" $(ARGS))

test-all: lint ## the same with the slow tests, and more examples of each property
	$(call part,pytest,$(PYTHON) -m pytest $(TWO) --hypothesis-profile=thorough $(ARGS))

lint: setup ## ruff, mypy, and who may import whom
	$(call part,ruff check,$(PYTHON) -m ruff check .)
	$(call part,ruff format,$(PYTHON) -m ruff format --check .)
	$(call part,mypy,$(PYTHON) -m mypy)
	$(call part,imports,$(PYTHON) -c "from importlinter.cli import lint_imports_command as lint; lint()")

docs: setup-docs ## build the documentation site in site/, every link checked (its generator: once, 1 min)
	$(call part,docs,rm -rf site && $(PYTHON) $(SPHINX))

peers: setup ## make .venv-peers: what `python -m evals throughput` compares with (1 to 3 min, once)
	@$(PY) scripts/peers.py

clean: ## remove caches and logs; .venv, compiled wheels and runs/ stay
	rm -rf site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist .build/logs
	find . -path './.venv*' -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## remove .venv, .venv-peers and the compiled llama.cpp too; runs/ stays
	rm -rf .venv .venv-peers .build
