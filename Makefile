# Everything on a fresh machine with git, make, a C library and Python 3.11-3.13.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help env reproduce test lint deps lock screenshots clean

PYTHON ?= $(shell for v in 3.11 3.12 3.13; do command -v python$$v >/dev/null 2>&1 && python$$v -c '' 2>/dev/null && { echo python$$v; break; }; done)
# one more than two cores: a test of a whole run waits for servers and files a fourth of its time
TEST_PROCESSES ?= 3
VENV := .venv
BIN := $(VENV)/bin
UV := $(VENV)/uv/bin/uv
INSTALLED := $(VENV)/.installed

# without compiled bytecode each of a dozen stages starts seven seconds later
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this help
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

reproduce: env ## Run the whole experiment on the embedded data
	@$(BIN)/segtalker reproduce

test: env ## Run every test, the whole pipeline at tiny size included
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_FLAGS)

lint: env ## Check style, types and import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check -q . && $(BIN)/mypy && $(BIN)/lint-imports --config pyproject.toml

env: $(INSTALLED) ## Make the environment

# uv lives inside the environment's folder, so that removing .venv removes everything
$(UV): requirements-bootstrap.txt
	@test -n "$(PYTHON)" || { echo "error: no python3.11, 3.12 or 3.13 found; install one, or say make PYTHON=/path/to/python" >&2; exit 2; }
	@echo "making the environment in $(VENV), once: about a minute ..."
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --target $(VENV)/uv -r requirements-bootstrap.txt

$(INSTALLED): $(UV) requirements.lock pyproject.toml
	@echo "installing the pinned environment ..."
	@$(UV) pip sync -q --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

deps: env ## Write code.yaml, by which DVC knows the code of each stage
	@$(BIN)/python -m flows.dvc.code_versions

lock: env ## Resolve the dependencies of pyproject.toml again
	@$(UV) pip compile pyproject.toml --extra dev --extra mediapipe --extra onnx --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements.lock

screenshots: env ## Take the pictures of pages in the docs again, from the runs that are here
	@$(BIN)/python docs/screenshots.py
	@$(BIN)/python docs/edit_pictures.py

clean: ## Remove data, models, results and reports; the environment stays
	@rm -rf data models results reports/tables reports/figures reports/index.html reports/runs reports/reproduced reports/comparison reports/sweeps sweeps mlruns mlflow.db* .prefect .dvc/cache .dvc/tmp
