# Everything a newcomer types. Set-up talks on standard error: what a target prints is its own.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The interpreter that makes .venv; empty: python3.11, else python3.
PYTHON ?=
# What `make demo` hands to `bellringer demo`.
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready
# The tools that the benchmarks are measured against, in an environment of their own.
PEERS := .cache/peers/.ready
PEERS_LOCK := tests/benchmarks/peers/requirements.lock
# Set: `make bench` reads a million users too.
LONG ?=
PYTEST := $(BIN)/python -m pytest
ON_SERVERS := deploy/on-servers

# `make check test` runs the unit and architecture tests once.
TESTED := $(if $(filter check,$(MAKECMDGOALS)),--ignore=tests/unit --ignore=tests/architecture)

.PHONY: help demo test check bench faults pictures up compose down lock fmt

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

demo: $(READY) ## Run two generated districts through every tier, for two days (ARGS="--once --json")
	@deploy/with-directory $(BIN)/bellringer demo $(ARGS)

test: $(READY) ## Run all tests, on real servers of their own
	@$(ON_SERVERS) $(PYTEST) -m "not bench" $(TESTED)

check: $(READY) ## Check format, lint, types, layers, and run the unit and architecture tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@MYPYPATH=deploy $(BIN)/mypy -p private_servers
	@$(BIN)/lint-imports
	@$(PYTEST) -q tests/unit tests/architecture

bench: $(READY) $(PEERS) ## Run the benchmarks, on real servers of their own (LONG=1: a million users)
	@BELLRINGER_BENCH=$(if $(LONG),long) $(ON_SERVERS) $(PYTEST) tests/benchmarks -m bench -s

faults: $(READY) ## Run the fault tests in their long version
	@BELLRINGER_FAULTS=long $(ON_SERVERS) $(PYTEST) tests/faults -s

pictures: $(READY) ## Take the pictures of README and docs anew, from the demo's districts
	@$(BIN)/python -m tests.browser.pictures docs/images

up: compose .env ## Start the whole stack with Docker Compose
	docker compose up --detach --build --wait

compose:
	@docker compose version >/dev/null 2>&1 || { echo "Docker Compose v2 is missing: install Docker with its compose plugin." >&2; exit 1; }

down: ## Stop the stack; its volumes stay
	docker compose down

fmt: $(READY) ## Format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: ## Resolve pyproject.toml anew into the lock files (needs uv)
	@command -v uv >/dev/null || { echo "uv is missing: see https://docs.astral.sh/uv/." >&2; exit 1; }
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --extra build pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade tests/benchmarks/peers/requirements.in --output-file $(PEERS_LOCK)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --extra dev --extra build --constraints requirements.lock pyproject.toml --output-file requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --extra active_directory --extra build --constraints requirements.lock pyproject.toml --output-file requirements-active-directory.lock

$(READY): requirements-dev.lock requirements-active-directory.lock pyproject.toml
	@PYTHON="$(PYTHON)" deploy/make-venv
	@touch $@

$(PEERS): $(PEERS_LOCK) | $(READY)
	@$(BIN)/python -m venv $(dir $@) >&2
	@$(dir $@)bin/python -m pip --quiet --disable-pip-version-check --no-input install --require-hashes -r $(PEERS_LOCK) >&2
	@touch $@

# Passwords of this machine's stack, made once; hexadecimal, so that they fit into URLs and JSON.
.env:
	@umask 077; \
	random() { od -An -v -N"$$1" -tx1 /dev/urandom | tr -d ' \n'; }; \
	for name in DATABASE BROKER OPERATOR MONITOR; do \
		echo "BELLRINGER_$${name}_PASSWORD=$$(random 16)"; \
	done > $@; \
	echo "BELLRINGER_SECRET_KEY=$$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')" >> $@
