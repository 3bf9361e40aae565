# Two commands matter to a newcomer: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo demo-check test test-env demo-env lint types floors unit lock dist parts clean \
        bench-store bench-api bench-opcua bench-pipeline bench-analytics bench-marketplace bench-dashboards bench-programme campaign-store campaign-access campaign-opcua interop-opcua evaluations

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Tundish needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

# A stamp remembers which lock file the environment was made from; a changed lock makes it anew.
$(VENV)/.server: $(VENV)/bin/python requirements/server.txt pyproject.toml setup.py
	@echo "== installing what the platform needs (once; a minute or two)"
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/server.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(foreach app,$(wildcard apps-marketplace/*/pyproject.toml),-e $(dir $(app)))
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python requirements/dev.txt pyproject.toml setup.py
	@echo "== installing what development and tests need (once; two minutes or so)"
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(foreach app,$(wildcard apps-marketplace/*/pyproject.toml),-e $(dir $(app)))
	@touch $@ $(VENV)/.server

demo-env: $(VENV)/.server

demo: demo-env ## three lines played over OPC UA, collected, stored, scored, shown on http://127.0.0.1:8050
	$(BIN)/tundish demo

demo-check: demo-env ## the same without a screen: asserts values, predictions, adoption, isolation; then stops
	$(BIN)/tundish demo --check

test-env: $(VENV)/.dev
	deploy/ci/system-packages.sh
	deploy/ci/npm-packages.sh

test: test-env lint types floors unit ## everything that CI must pass

lint: $(VENV)/.dev ## ruff: rules and format; and that every statement on a tenant's table names the tenant
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tundish_deploy.checks.tenants

types: $(VENV)/.dev ## mypy, strict; the apps in the same run, because each run of its own reads all libraries anew
	$(BIN)/mypy platform connectors analytics dashboards deploy $(wildcard apps-marketplace/*)

floors: $(VENV)/.dev ## import-linter: imports run downwards only
	$(BIN)/lint-imports

unit: test-env ## pytest: unit, integration and browser tests
	$(BIN)/pytest -n 3 --dist loadfile

lock: ## write requirements/*.txt anew from pyproject.toml (needs uv)
	deploy/ci/lock.sh

parts: $(VENV)/.dev ## parts list (CycloneDX) of each lock file into dist/, and the licences of the server's
	mkdir -p dist
	for lock in edge server image dev; do $(BIN)/tundish release sbom --lock requirements/$$lock.txt --out dist/$$lock.cdx.json; done
	$(BIN)/tundish release licences

dist: $(VENV)/.dev ## wheel and source distribution into dist/
	$(BIN)/python -m build --no-isolation

evaluations: demo-env ## every evaluation into docs/evaluations/; DATA="FOLDER" or DATA="ai4i=PATH skab=PATH tep=PATH" for what is not shipped
	$(BIN)/tundish evaluate all --out docs/evaluations $(foreach data,$(DATA),--data $(data))

bench-store: $(VENV)/.dev ## the store beside its peers (deploy/ci/bench-packages.sh installs them)
	deploy/ci/bench-packages.sh
	$(BIN)/tundish bench store

campaign-store: $(VENV)/.dev ## try to break the store: power, faults, kills, clocks, isolation, neighbours
	@bad=0; for c in power faults kill clocks isolation neighbours recovery; do \
	  $(BIN)/tundish campaign $$c --json > docs/figures/campaign-$$c.json || bad=1; done; \
	  $(BIN)/python -m tundish_deploy.campaigns.page docs/figures docs/reference/campaigns.md; exit $$bad

campaign-access: $(VENV)/.dev ## try to get what is somebody else's, and to make the server fail
	$(BIN)/tundish campaign access --json > docs/figures/campaign-access.json
	$(BIN)/tundish campaign fuzz --json > docs/figures/campaign-fuzz.json
	$(BIN)/python -m tundish_deploy.campaigns.page docs/figures docs/reference/campaigns.md

campaign-opcua: $(VENV)/.dev ## try to break the OPC UA connector: cuts, kills, malformed frames (needs node and npm)
	npm ci --prefix tests/connectors/peers
	$(BIN)/tundish campaign opcua --json > docs/figures/campaign-opcua.json

interop-opcua: $(VENV)/.dev ## try our OPC UA client against four servers, table into docs/reference/interop.md
	$(BIN)/python -m tundish_deploy.campaigns.opcua_interop docs/reference/interop.md

bench-opcua: $(VENV)/.dev ## the OPC UA client beside its peers
	deploy/ci/npm-packages.sh
	$(BIN)/tundish bench opcua

bench-api: $(VENV)/.dev ## everyday calls, searches and bulk ingest of the HTTP API
	$(BIN)/tundish bench api

bench-pipeline: $(VENV)/.dev ## from an OPC UA server through gateway and spool into the store, and out again
	$(BIN)/tundish bench pipeline

bench-analytics: $(VENV)/.dev ## a day's features, live scoring, control chart rules, a thousand models in one job
	$(BIN)/tundish bench analytics

bench-marketplace: $(VENV)/.dev ## what a sandbox adds to an app's work, and how many subscriptions are kept up with
	$(BIN)/tundish bench marketplace

bench-dashboards: $(VENV)/.dev ## the pages in Chromium: paint, server time, zoom, from a change to its pixels
	deploy/ci/system-packages.sh
	$(BIN)/tundish bench dashboards

bench-programme: $(VENV)/.dev ## made ghosts found, a city's figures recomputed and published, the bureau's first page
	$(BIN)/tundish bench programme

clean: ## forget the environment and all demo state
	rm -rf $(VENV) .tundish build dist *.egg-info
