# `make demo` and `make test` are all a newcomer needs; `make help` lists the rest.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TORCH := 2.13.0
COMPILE = $(BIN)/uv pip compile --quiet --no-header --strip-extras --no-annotate --no-emit-index-url \
	--no-emit-find-links --no-emit-package pip --python $(BIN)/python

.PHONY: help demo test lint docs bench qgis-plugin lock clean
.PHONY: containers/serve.lock containers/all.lock containers/torch-cuda.lock containers/sbom.lock

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

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

qgis-plugin:  ## build the QGIS plugin: qgis/dist/sen2naip_sr_qgis.zip (docs/qgis.md)
	@$(PYTHON) qgis/plugin_zip.py

# the lock serves machines with and without CUDA: pip adds what the torch of a machine needs
lock: $(READY)  ## fix the dependencies anew in requirements.lock and, with hashes, for containers/
	@$(COMPILE) --all-extras --no-emit-package setuptools --upgrade-package torch==$(TORCH) \
		--output-file requirements.lock pyproject.toml
	@sed -i -E 's/^(torch==[0-9.]+)\+cpu$$/\1/; /^(cuda|nvidia|triton)\b/d' requirements.lock
	@$(MAKE) --no-print-directory containers/serve.lock containers/all.lock \
		containers/torch-cuda.lock containers/sbom.lock

containers/serve.lock: EXTRAS := --extra serve
containers/all.lock: EXTRAS := --extra serve --extra kedro
containers/serve.lock containers/all.lock:
	@$(COMPILE) $(EXTRAS) --constraints requirements.lock pyproject.toml \
		| sed -E '/^(torch|cuda|nvidia|triton)\b/d' > $@.names
	@$(COMPILE) --no-deps --generate-hashes --output-file $@ - < $@.names
	@rm $@.names

containers/sbom.lock:
	@echo cyclonedx-bom | $(COMPILE) --generate-hashes --constraints requirements.lock \
		--output-file $@ -

containers/torch-cuda.lock:
	@echo torch==$(TORCH) | $(COMPILE) --no-emit-package setuptools --generate-hashes \
		--constraints requirements.lock --output-file $@ -

clean:  ## remove the environment and everything that runs have made
	rm -rf $(VENV) mlflow.db mlartifacts data/01_raw/* data/02_intermediate/* \
		data/05_model_input/* data/06_models/* data/07_model_output/* data/08_reporting/*

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is needed (or: make PYTHON=python3.12 ...)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a few minutes, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
# on all cores; some packages hold files that are none of this Python's
	@$(BIN)/python -m compileall -q -q -j 0 $(VENV)/lib || true
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@
