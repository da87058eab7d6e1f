# The only door to the project: everything that CI, the README or a person does is a target here.
# `make help` explains each. Nothing but Python >= 3.11, make and git has to be installed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := --all-extras --group dev
export PYTHONUNBUFFERED := 1

.PHONY: help
help: ## Show what each target does
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up ---------------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(STAMP) ## Make the virtual environment and install everything that uv.lock names (any make target does it too)

$(BIN)/uv: .ci/uv.txt
	@bash .ci/make-venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/uv.txt
	@touch $@

# The lock is exported and synced rather than `uv sync`ed: docs/adr/0002-lock-without-hosts.md says why.
$(STAMP): $(BIN)/uv pyproject.toml uv.lock
	@echo "Installing the locked packages into $(VENV) ..."
	@$(BIN)/uv export --quiet --frozen $(EXTRAS) --no-emit-project --no-annotate --no-header --format requirements.txt -o $(VENV)/requirements.txt > /dev/null
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes $(VENV)/requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: lock
lock: $(BIN)/uv ## Resolve pyproject.toml anew into uv.lock and .ci/uv.txt (UPGRADE=1 takes newer versions)
	@bash .ci/lock $(BIN)/uv $(if $(UPGRADE),--upgrade)
