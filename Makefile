# The daily commands; `make` lists them.
.DEFAULT_GOAL := help
BIN := data/tests/venv/bin
RUN := PYTHONPATH=src $(BIN)

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## Make the test environment from the lock
	@./opentr.sh test --version

start: ## Build this checkout as a release and start it
	./opentr.sh start

check: ## Exactly what CI runs
	./opentr.sh test

test: setup ## One level or file: make test at=tests/unit
	$(RUN)/pytest $(or $(at),tests/unit)

test-fast: setup ## Unit tests only
	$(RUN)/pytest tests/unit -n 2 -q

lint: setup ## Lint, types, import rules, sizes
	$(RUN)/ruff check . && $(RUN)/ruff format --check . && $(RUN)/mypy && $(RUN)/lint-imports
	$(RUN)/python tools/check_sizes.py && $(RUN)/python tools/lints

fix: setup ## Format and mend what ruff can mend
	$(RUN)/ruff check --fix . ; $(RUN)/ruff format .

lock: ## Compile requirements/*.txt again, with hashes and without index addresses
	./tools/lock.sh

env-example: setup ## Write .env.example from the settings
	$(RUN)/python tools/gen_env_example.py

web: ## The page with live reload, against a running API
	cd web && npm install && npm run dev

doctor: ## Look for what keeps this installation from working
	./opentr.sh doctor

.PHONY: help setup start check test test-fast lint fix lock env-example web doctor
