# `make demo` and `make test` are all a newcomer needs; `make help` lists the rest.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TORCH := 2.13.0

.PHONY: help demo test lint docs bench lock clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(READY)  ## train a network on the embedded sample and compare it with interpolation
	@$(BIN)/kedro run

# one thread a process: as many processes as cores are at work already
test: $(READY)  ## run every test
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(READY)  ## check style, types and import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(READY)  ## build the documentation into site/ and check its links
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(READY)  ## measure what README and docs claim (BENCH_DATA=folder of 4-band GeoTIFFs)
	@$(BIN)/python benchmarks/run.py $(if $(BENCH_DATA),--data "$(BENCH_DATA)")

lock: $(READY)  ## fix the dependencies anew in requirements.lock
	@$(BIN)/uv pip compile --quiet --no-header --strip-extras --all-extras --no-annotate \
		--no-emit-index-url --no-emit-find-links --no-emit-package pip --no-emit-package setuptools \
		--python $(BIN)/python --upgrade-package torch==$(TORCH) --output-file requirements.lock \
		pyproject.toml
	@sed -i 's/^\(torch==[0-9.]*\)+cpu$$/\1/' requirements.lock

clean:  ## remove the environment and everything that runs have made
	rm -rf $(VENV) mlflow.db mlartifacts data/01_raw/* data/02_intermediate/* \
		data/05_model_input/* data/06_models/* data/07_model_output/* data/08_reporting/*

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is needed (or: make PYTHON=python3.12 ...)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a few minutes, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@
