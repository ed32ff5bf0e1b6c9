# `make` alone says what there is. What is needed is installed into .venv, once, checked by hash.

PYTHON ?= python3
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes
LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --no-annotate pyproject.toml
# Hundreds of processes start in the tests: what one has compiled, the others need not.
PYTEST = PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest --numprocesses auto

SUB ?= you
SCOPE ?= admin
BUDGET ?= 60
CONTACTS ?=

.DEFAULT_GOAL := help
.PHONY: help run demo test test-fast laws bench replay-contacts drill check token lock clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1:/p' Makefile | while IFS=: read -r name text; do \
		printf '  make %-16s %s\n' "$$name" "$$text"; done

run: .venv/for-running ## serve everything on http://127.0.0.1:8000 (PORT=... to change it)
	@exec .venv/bin/python -m workers serve

demo: .venv/for-running ## the same, with a conference that looks alive, and links to sign in
	@export DATA_DIR="$${DATA_DIR:-.data-demo}" && exec .venv/bin/python -m workers demo

test: .venv/for-developing ## every test that can run here
	@$(PYTEST)

test-fast: .venv/for-developing ## those of them that take no browser and kill nothing
	@$(PYTEST) -m "not slow"

laws: .venv/for-developing ## look for broken laws, at random, for BUDGET=60 seconds
	@.venv/bin/python -m tests.laws --seconds $(BUDGET)

bench: .venv/for-developing ## measure, each figure beside its baseline
	@.venv/bin/python -m tests.bench

replay-contacts: .venv/for-running ## play real contacts through it, and check the boards: CONTACTS=file
	@.venv/bin/python -m workers replay-contacts $(if $(CONTACTS),"$(CONTACTS)")

drill: .venv/for-running ## restore a backup that was made under load, and check all of it
	@.venv/bin/python -m workers drill

check: .venv/for-developing ## format, lint, types, migrations
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/squawk sql/migrations/*.sql

token: .venv/for-running ## print a token that holds for 30 days: SUB=you SCOPE=admin
	@.venv/bin/python -m api token --sub "$(SUB)" --scope "$(SCOPE)"

# Pins what pyproject.toml asks for, by hash; newer ones with UPGRADE=--upgrade.
lock:
	@command -v uv >/dev/null || { echo "uv is needed for this: pip install uv"; exit 1; }
	@$(LOCK) -o requirements.lock $(UPGRADE)
	@$(LOCK) --group dev -c requirements.lock -o requirements-dev.lock $(UPGRADE)

clean: ## remove .venv and caches; the data stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/for-running: requirements.lock | .venv/bin/pip
	@echo "Installing what is needed into .venv; this happens once and takes a minute or so."
	@$(PIP) -r requirements.lock
	@touch $@

.venv/for-developing: requirements-dev.lock | .venv/bin/pip
	@echo "Installing what tests and tools need into .venv; this happens once and takes a while."
	@$(PIP) -r requirements-dev.lock
	@touch $@

# Not python, which is there first: what was broken off before pip came is made anew.
.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed; '$(PYTHON)' is not that. Install one, or say where it"; \
		echo "is: make PYTHON=/path/to/python3.11 run"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make a virtual environment: its venv or ensurepip is missing. Install it:"; \
		echo "  Debian, Ubuntu   apt-get install python3-venv"; \
		echo "  Fedora, RHEL     dnf install python3 python3-pip"; \
		echo "  Alpine           apk add python3 py3-pip"; \
		echo "  openSUSE         zypper install python3 python3-pip"; \
		echo "and run make again."; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }
