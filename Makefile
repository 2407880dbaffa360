# Only python3 (3.11 to 3.13, with venv) and make are needed: the first target that wants it sets up .venv.

FITS = import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(or $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c '$(FITS)' 2>/dev/null && echo $$each && break; done),python3)
VENV = .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check check-containers format bench bench-edge bench-streams bench-sizing parts schemas lock clean crash-edge crash-commit crash-engine crash outage edges fleet compose-test demo-20 test-dates

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile
	@echo "ARGS passes options on: make demo ARGS='--stations 10 --seconds 30'"

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c '$(FITS)' || { echo "Python 3.11, 3.12 or 3.13 is needed, not $$($(PYTHON) --version 2>&1): make PYTHON=..." >&2; exit 1; }
	@echo "Setting up $(VENV) (a minute or so, once)"
	@$(BIN)/python -c '$(FITS)' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY) ## a fleet charges on this machine: every part of the pipeline, and a page to watch it
	@$(BIN)/voltstream demo $(ARGS)

test: $(READY) ## all tests, four at a time: most of them wait; with the real parts where `make parts` has put them
	@$(BIN)/python -m pytest --numprocesses 4 --dist worksteal $(ARGS)

check: $(READY) ## lint, formatting, types, who may import whom, and the containers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory check-containers

check-containers: $(READY) ## lint the Dockerfile, and read docker-compose.yml as Compose does
	@if [ -x $(BIN)/hadolint ] && [ -x $(BIN)/docker-compose ]; then \
		set -ex; $(BIN)/hadolint Dockerfile tests/long/compose/images/*/Dockerfile; \
		deploy/make-env $(VENV)/compose.env >&2; \
		$(BIN)/docker-compose --env-file $(VENV)/compose.env --profile '*' config --quiet; \
	else \
		echo "Dockerfile and docker-compose.yml are not checked here: there is no hadolint and no Compose in $(BIN)"; \
		[ "$$CI" != true ]; \
	fi

format: $(READY) ## put the source in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: bench-edge bench-streams ## both benchmarks against peers

bench-edge: $(READY) ## the edge against a naive one, CPU per answered CALL
	@$(BIN)/python -m tests.bench.edge $(ARGS)

bench-streams: $(READY) ## the stream engine against stock Faust, CPU per record
	@$(BIN)/python -m tests.bench.streams $(ARGS)

bench-sizing: $(READY) ## CPU and memory of every service: a message, a connection, a station (15 min)
	@$(BIN)/python -m tests.bench.sizing $(ARGS)

crash-edge: $(READY) ## edge and brokers killed again and again under load: nothing that was answered is missing
	@$(BIN)/python -m tests.long.edge $(ARGS)

crash-commit: $(READY) ## the edge's producer on three brokers that are killed, paused and taken away (15 min)
	@$(BIN)/python -m tests.long.group_commit $(ARGS)

parts: ## Kafka, InfluxDB, a browser ...: the real parts of the tests, into .parts or $VOLTSTREAM_PARTS
	@$(PYTHON) deploy/parts $(ARGS)

schemas: $(READY) ## generate the JSON Schemas and the AsyncAPI document again
	@$(BIN)/python -m contracts.schemas

LOCK = $(BIN)/uv pip compile --quiet --generate-hashes --universal --no-header --no-annotate --no-emit-index-url

lock: $(READY) ## the locks from pyproject.toml: ours, the image's two; the newest versions with ARGS=--upgrade
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(LOCK) pyproject.toml --group dev -o requirements.lock $(ARGS)
	@$(LOCK) pyproject.toml --constraints requirements.lock -o deploy/run.lock
	@$(LOCK) --group build --constraints requirements.lock -o deploy/build.lock

clean: ## remove the environment, the caches and what was built (not the parts)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

crash-engine: $(READY) ## stream workers killed, stopped, paused and scaled on real Kafka, for 40 minutes
	@$(BIN)/python -m tests.long.engine.crash $(ARGS)

crash: $(READY) ## the whole pipeline on real parts, everything in it killed, and what came out compared (35 min)
	@$(BIN)/python -m tests.long.crash $(ARGS)

outage: $(READY) ## Kafka away for ten minutes under a fleet that gives messages up (25 min)
	@$(BIN)/python -m tests.long.outage $(ARGS)

edges: $(READY) ## several edges on one log: one dies, one's clock is wrong (8 min)
	@$(BIN)/python -m tests.long.edges $(ARGS)

fleet: $(READY) ## ten hours of 200 stations that misbehave in every way (25 min; ARGS=--real: on real parts)
	@$(BIN)/python -m tests.long.fleet $(ARGS)

compose-test: $(READY) ## docker-compose.yml on a real engine: a fleet, every container killed, every variable wrong once (40 min)
	@$(BIN)/python -m tests.long.compose $(ARGS)

demo-20: $(READY) ## the demo twenty times in a row (50 min)
	@$(BIN)/python -m tests.long.demo $(ARGS)

test-dates: $(READY) ## all tests on later days, on a leap day, over a new year, in another zone and language (60 min)
	@$(BIN)/python -m tests.long.dates $(ARGS)
