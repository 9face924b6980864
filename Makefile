# Every target makes .venv by itself, from any Python 3.11 or newer, and refreshes it when the lock files change.
# PYTHON=… chooses the Python, ARGS=… is handed on:  make up ARGS="--data data --port 8000"

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo up test test-fast browser check bench conformance lock docs catalogs screenshots verify clean venv
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
ARGS ?=
PYTHON ?=
IN_PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
COMPILE := --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate
COMPILE += --custom-compile-command "make lock"

help: ## this list
	@echo 'make TARGET [ARGS="…"] [PYTHON=python3.13]'
	@sed -n 's/^\([a-z-]*\):.*## /  \1	/p' $(MAKEFILE_LIST) | expand -t 16

demo: venv ## starts everything, certifies several assisters over the real interfaces, shows the result
	@$(BIN)/certify demo $(ARGS)

up: venv ## the embedded stack, until Ctrl-C
	@$(BIN)/certify up $(ARGS)

test: venv browser ## the whole test suite, on real servers and in a real browser
	@$(BIN)/python -m pytest $(IN_PARALLEL) $(ARGS) || { [ $$? = 1 ] && $(BIN)/python .ci/alone.py; }

test-fast: venv browser ## a part of it for the loop of work: domain, database on SQLite, workflows, one journey, one page
	@$(BIN)/python -m pytest $(IN_PARALLEL) -m "not slow and not bench and not conformance" -k "not postgres" $(ARGS) \
		tests/test_structure.py tests/domain tests/db tests/workflows tests/journeys/test_first_day.py \
		"tests/browser/test_pages.py::test_a_page_can_be_used_by_everybody[en-desk-request]"

browser: ## finds the Chromium that tests drive, or installs Debian's
	@.ci/browser

check: venv ## format, lint, types, import contracts, generated docs, catalogs, compose file, locks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m docs.generate --check --strict-rows
	$(BIN)/python -m templates.extract --check
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/python .ci/tree.py

bench: venv ## the measurements, as a table and a line of JSON
	@$(BIN)/python -m tests.bench $(ARGS)

conformance: venv .venv-ralph/stamp ## against software of others: a learning record store, a SCIM server, a SCIM checker
	@$(BIN)/python -m pytest -m conformance --durations 0 $(ARGS)

.venv-ralph/stamp: requirements-conformance.txt | venv
	@echo "Making .venv-ralph" >&2
	@$(BIN)/python -m venv --clear .venv-ralph
	@$(BIN)/uv pip sync --quiet --python .venv-ralph/bin/python --require-hashes $< \
		|| .venv-ralph/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

lock: venv ## resolves the dependencies anew into the lock files (ARGS="--upgrade" for newer versions)
	@$(BIN)/uv pip compile $(COMPILE) $(ARGS) --all-extras pyproject.toml -o requirements-dev.txt
	@$(BIN)/uv pip compile $(COMPILE) --extra dev-stack -c requirements-dev.txt pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile $(COMPILE) $(ARGS) --group conformance -o requirements-conformance.txt
	@echo uv | $(BIN)/uv pip compile $(COMPILE) $(ARGS) - -o requirements-uv.txt
	@$(BIN)/python .ci/tree.py --sign-locks

docs: venv ## writes the generated pages of docs/
	@$(BIN)/python -m docs.generate

catalogs: venv ## brings the catalogs of translations up to date with what code and templates say
	@$(BIN)/python -m templates.extract

screenshots: venv browser ## takes the pictures of docs/ anew, on a stack of its own
	@$(BIN)/python -m tests.screenshots $(ARGS)

verify: venv ## replays recorded histories with the code about to ship
	@$(BIN)/python worker.py verify $(ARGS)

clean: ## removes .venv and every cache
	rm -rf .venv .venv.lock .venv-ralph .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@.ci/venv $(PYTHON)
