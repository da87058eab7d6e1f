# The only door to the project: everything that CI, the README or a person does is a target here.
# `make help` explains each. Nothing but Python >= 3.11, make, bash and git has to be installed.
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
	@while IFS= read -r line; do \
	  if [[ $$line =~ ^([a-z0-9-]+):.*'## '(.*)$$ ]]; then printf '  \033[1m%-14s\033[0m %s\n' "$${BASH_REMATCH[1]}" "$${BASH_REMATCH[2]}"; fi; \
	done < $(firstword $(MAKEFILE_LIST))

# --- set-up ---------------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(STAMP) ## Make the virtual environment and install everything that uv.lock names (any make target does it too)

# On a terminal uv shows its own progress, for a slow network takes minutes.
quietly = $(shell test -t 2 || echo --quiet)

$(BIN)/uv: .ci/uv.txt
	@bash .ci/make-venv $(VENV)
	@$(BIN)/python -m pip install $(quietly) --disable-pip-version-check --require-hashes -r .ci/uv.txt
	@touch $@

# The lock is exported and synced rather than `uv sync`ed: docs/adr/0002-lock-without-hosts.md says why.
$(STAMP): $(BIN)/uv pyproject.toml uv.lock
	@echo "Installing the locked packages into $(VENV) ..." >&2
	@$(BIN)/uv export --quiet --frozen $(EXTRAS) --no-emit-project --no-annotate --no-header --format requirements.txt -o $(VENV)/requirements.txt > /dev/null
	@$(BIN)/uv pip sync $(quietly) --compile-bytecode --python $(BIN)/python --require-hashes $(VENV)/requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: lock
lock: $(BIN)/uv ## Resolve pyproject.toml again into uv.lock and .ci/uv.txt (UPGRADE=1 takes newer versions)
	@bash .ci/lock $(BIN)/uv $(if $(UPGRADE),--upgrade)

# --- run ------------------------------------------------------------------------------------------------------------

ESPALIER := $(BIN)/espalier

.PHONY: demo
demo: $(STAMP) ## Go the whole way once: data, training, gate, registry, HTTPS API, predictions (KEEP=1 leaves it up)
	@$(ESPALIER) demo $(if $(KEEP),--keep)

.PHONY: data
data: $(STAMP) ## Export the demo's table and push it to the data remote
	@$(ESPALIER) data export
	@$(ESPALIER) data push

.PHONY: train
train: $(STAMP) ## Run the stages of the pipeline that have changed
	@$(ESPALIER) train

.PHONY: serve
serve: $(STAMP) ## Serve the last champion over HTTPS on loopback, until Ctrl-C
	@$(ESPALIER) serve

.PHONY: models
models: $(STAMP) ## List the registered versions and their aliases
	@$(ESPALIER) models

.PHONY: rollback
rollback: $(STAMP) ## Make the previous champion the champion again
	@$(ESPALIER) rollback

# What is given on make's command line, and nothing from the environment: USER there is who works on this machine.
# The shell reads the value from its environment: text that make expands would be run as a part of the command.
given = $(if $(filter command,$(origin $(2))),$(1) "$${$(2)}")

.PHONY: load
load: $(STAMP) ## Put load on the API and judge it by the SLOs (URL USER PASSWORD_FILE CA RATE SECONDS ROWS; none after make up)
	@$(ESPALIER) load $(call given,--url,URL) $(call given,--user,USER) $(call given,--password-file,PASSWORD_FILE) \
	  $(call given,--cacert,CA) $(call given,--rate,RATE) $(call given,--seconds,SECONDS) $(call given,--rows,ROWS) \
	  $(call given,--request,REQUEST) $(if $(JSON),--json)

.PHONY: bench
bench: $(STAMP) ## Measure the API and its peers on one core each, and write docs/benchmarks.md (an hour; QUICK=1: minutes, fails under a floor)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks $(if $(QUICK),--quick,--write-docs) $(if $(JSON),--json)

.PHONY: bench-tools
bench-tools: ## Install what make bench sends its load with: wrk by apt, and vegeta, built with Go
	@bash .ci/bench-tools $(VENV)/bin

# --- on a cluster of your own (docker, kind, kubectl, helm) -----------------------------------------------------------

.PHONY: up
up: $(STAMP) ## Make a kind cluster and bring the whole platform up on it (NODES=1 for one node, HTTPS_PORT=9443)
	@$(ESPALIER) cluster up

.PHONY: down
down: $(STAMP) ## Delete that cluster
	@$(ESPALIER) cluster down

.PHONY: secrets
secrets: $(STAMP) ## Make the Secrets that the chart names, with random values, where kubectl points at (NAMESPACE, RELEASE, HOST, SLACK_URL_FILE)
	@$(ESPALIER) cluster secrets --namespace "$${NAMESPACE:-espalier}" --release "$${RELEASE:-espalier}" --host "$${HOST:-localhost}" $${SLACK_URL_FILE:+--slack-url-file "$$SLACK_URL_FILE"}

# --- images and chart, for your own registry and cluster --------------------------------------------------------------

# REGISTRY, VERSION and the like reach a recipe through its environment, in quotation marks: what make expands into a recipe
# is shell text, and the value of a variable would be run.

.PHONY: images
images: $(STAMP) ## Build the three images (REGISTRY=registry.example.com in front of their names; PUSH=1 pushes them)
	@$(ESPALIER) cluster images --registry "$${REGISTRY:-}" $(if $(PUSH),--push)

.PHONY: dependencies
dependencies: $(STAMP) ## Fetch the charts that ours is made of into charts/espalier/charts (a helm install from here needs them)
	@$(ESPALIER) cluster dependencies

.PHONY: chart
chart: dependencies ## Package the chart into dist/ (PUSH=1 pushes it to oci://REGISTRY/charts)
	@helm package charts/espalier --destination dist
	@$(if $(PUSH),version=$$(sed -n 's/^version: //p' charts/espalier/Chart.yaml); helm push "dist/espalier-$$version.tgz" "oci://$$REGISTRY/charts")

.PHONY: registry-login
registry-login: ## Log in to REGISTRY with REGISTRY_USER and REGISTRY_PASSWORD from the environment
	@docker login "$${REGISTRY%%/*}" --username "$$REGISTRY_USER" --password-stdin <<< "$$REGISTRY_PASSWORD"
	@helm registry login "$${REGISTRY%%/*}" --username "$$REGISTRY_USER" --password-stdin <<< "$$REGISTRY_PASSWORD"

.PHONY: deploy
deploy: $(STAMP) ## Install or upgrade the chart of REGISTRY, VERSION, where kubectl points (VALUES=file NAMESPACE=...); goes back if it fails
	@$(ESPALIER) cluster deploy

# --- check ----------------------------------------------------------------------------------------------------------

.PHONY: fmt
fmt: $(STAMP) ## Format the code
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

.PHONY: lint
lint: $(STAMP) ## Check style and types
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/lint-imports --no-logo --no-cache > /dev/null || $(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/mypy --no-error-summary

.PHONY: docs
docs: $(STAMP) ## Build the documentation into site/ (a broken link, or a page missing from the navigation, fails)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: docs-serve
docs-serve: $(STAMP) ## Serve the documentation on http://127.0.0.1:8000, and build it again when a page changes
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict --dev-addr 127.0.0.1:8000

.PHONY: replay-alerts
replay-alerts: $(STAMP) ## Replay a year of flights against the thresholds of drift and quality (minutes; alerts/README.md has the result)
	@$(BIN)/python -m tests.alerts.replay

.PHONY: s3-server
s3-server: ## Build versitygw, the S3 server of the tests that need one (asks for Go; without it they are skipped)
	@bash .ci/versitygw $(VENV)/bin

.PHONY: alert-tools
alert-tools: ## Build promtool and amtool, which test the alerts (asks for Go; without them those tests are skipped)
	@bash .ci/alert-tools $(VENV)/bin

.PHONY: release-tools
release-tools: $(BIN)/uv ## Build what make test-release runs: cosign, syft, a registry, Sigstore's servers (asks for Go; half an hour)
	@bash .ci/release-tools $(VENV)/bin $(BIN)/uv

# In an environment of its own, for it pins what our packages want newer.
$(VENV)/checkov/.installed: $(BIN)/uv .ci/checkov.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/checkov
	@$(BIN)/uv pip sync --quiet --python $(VENV)/checkov/bin/python --require-hashes .ci/checkov.txt
	@ln -sf ../checkov/bin/checkov $(BIN)/checkov
	@touch $@

.PHONY: chart-linter
chart-linter: $(VENV)/checkov/.installed ## Install checkov, which lints the rendered charts (without it that test is skipped)

# In an environment of their own, for they pin what our packages want newer, and kserve wants a Python before 3.14.
CLIENTS := tests/services/api/server_process/inference_clients/requirements.txt
$(VENV)/inference-clients/.installed: $(BIN)/uv $(CLIENTS)
	@$(BIN)/uv venv --quiet --clear --no-python-downloads --python '>=3.11,<3.14' $(VENV)/inference-clients
	@$(BIN)/uv pip sync $(quietly) --python $(VENV)/inference-clients/bin/python --require-hashes $(CLIENTS)
	@touch $@

.PHONY: inference-clients
inference-clients: $(VENV)/inference-clients/.installed ## Install tritonclient and kserve, which test the Open Inference Protocol (without them those tests are skipped)

PYTEST := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest
# In the order of the files: xdist would keep files of few long tests for the end, where one of two processes has nothing to do.
WITHOUT_CLUSTER := -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/e2e --ignore tests/ci/release_registry --ignore tests/ci/test_audit.py

.PHONY: test
test: $(STAMP) lint ## Run everything that needs only Python
	@$(PYTEST) $(WITHOUT_CLUSTER) -m "not slow"

.PHONY: coverage
coverage: $(STAMP) ## Run the tests of make test and the slow ones, and show which lines no test reaches (an hour; fails under 90 %)
	@$(PYTEST) $(WITHOUT_CLUSTER) --cov --cov-report=term --cov-fail-under=90

.PHONY: test-kills
test-kills: $(STAMP) ## Kill a training run at every write of every stage, and see that it can be repeated (an hour)
	@ESPALIER_TEST_EVERY_KILL=1 $(PYTEST) -v tests/pipelines/runner/test_killed_runs.py

.PHONY: test-release
test-release: $(STAMP) ## Publish and verify a release in a registry on loopback, signed by a Sigstore on loopback (make release-tools, docker, helm)
	@$(PYTEST) -v tests/ci/release_registry

.PHONY: e2e
e2e: $(STAMP) ## Prove the platform on a real cluster: kind, made and removed, or yours (E2E_CLUSTER=given E2E_URL=https://...)
	@$(PYTEST) -v tests/e2e -m "not slow" $(E2E_ARGS)

.PHONY: e2e-all
e2e-all: $(STAMP) ## The same with the slow tests: killed and concurrent runs, every alert's fault, idle connections (an hour)
	@$(PYTEST) -v tests/e2e $(E2E_ARGS)

# Beside the locked packages, in an environment of its own: nothing but this target needs it.
$(VENV)/mutmut/.installed: $(STAMP) .ci/mutmut.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/mutmut
	@$(BIN)/uv pip sync --quiet --python $(VENV)/mutmut/bin/python --require-hashes $(VENV)/requirements.txt .ci/mutmut.txt
	@$(BIN)/uv pip install --quiet --python $(VENV)/mutmut/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: mutants
mutants: $(VENV)/mutmut/.installed ## Break gate, promotion, bundle reader, tokens, throttle, rows, scores and alerts in 2,000 ways, and see that a test fails (hours; MUTANTS=thresholds)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(VENV)/mutmut/bin/python -m tests.mutation $${MUTANTS:+"$$MUTANTS"}

.PHONY: audit
audit: $(STAMP) ## Look for known vulnerabilities in the locked packages (asks PyPI; or a local copy of OSV's database, docs/release.md)
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash .ci/audit $(BIN)

.PHONY: audit-tools
audit-tools: ## Build osv-scanner, for an audit without network (asks for Go)
	@bash .ci/audit-tools $(VENV)/bin

.PHONY: test-audit
test-audit: $(STAMP) ## Audit a small lock with osv-scanner and a database of one advisory (make audit-tools)
	@$(PYTEST) -v tests/ci/test_audit.py

.PHONY: workflows
workflows: $(STAMP) ## Check .github: zizmor (security) and, where Go is, actionlint (form), in an environment of their own
	@bash .ci/workflow-tools $(BIN)/uv

.PHONY: clean
clean: ## Remove the files of earlier runs: stage files, logs, load reports, the docs site (models, keys, users and data stay)
	@rm -rf pipelines/work pipelines/dvc.lock .dvc/tmp .espalier/logs .espalier/load dist mutants site

confirmed = $(if $(filter 1,$(CONFIRM)),yes)

.PHONY: reset
reset: ## Also remove the registry, models, keys, users, certificates and DVC's cache (needs CONFIRM=1)
	@if [ -z "$(confirmed)" ]; then \
	  echo "This removes every registered model, the keys that sign them, all users (.espalier), and DVC's cache (.dvc/cache):" >&2; \
	  echo "there is no way back. If that is what you want: make reset CONFIRM=1" >&2; exit 2; fi
	@rm -rf .espalier pipelines/work pipelines/dvc.lock .dvc/cache .dvc/tmp pipelines/data/flights.csv dist
