# Cuepoint. `make run` sets everything up and serves the page; `make help` lists the rest.
# PYTHON, HOST, PORT, GPU=1 and VENV can be given: `make run PORT=8000`.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run setup demo test lint lock clean

VENV ?= .venv
HOST ?= 127.0.0.1
PORT ?= 7860
GPU ?= 0

BIN := $(VENV)/bin
UV_VERSION := 0.13.8
# Packages are large (torch alone: 0.5 GB): a slow line must not fail the set-up.
export UV_HTTP_TIMEOUT ?= 600
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# uv has its own settings; a mirror that was given to pip serves it too.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

# faiss-cpu and faiss-gpu are one module, and so are the two builds of OpenCV: the unwanted one must go first.
ifeq ($(GPU),1)
KIND := gpu
OTHER := cpu
else
KIND := cpu
OTHER := gpu
endif

# Installs exactly what a lock names, by hash; the lock is complete, so nothing else may creep in. Where uv cannot reach
# the index, the machine's own certificates are tried (a company's proxy), then pip (its settings may know a mirror).
EXACTLY := --no-deps --require-hashes --only-binary :all: --quiet -r
INSTALL = { $(BIN)/uv pip install --python $(BIN)/python $(EXACTLY) $< \
  || { echo "Trying again with this machine's certificates"; \
       $(BIN)/uv pip install --system-certs --python $(BIN)/python $(EXACTLY) $<; } \
  || { echo "Trying again with pip"; $(BIN)/python -m pip install $(EXACTLY) $<; }; }

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## set up if needed, then serve the page at http://127.0.0.1:7860
	@exec $(BIN)/python -m app serve --host $(HOST) --port $(PORT)

demo: setup ## without a browser: index the example video, ask three questions
	@exec $(BIN)/python -m app demo

setup: $(VENV)/.$(KIND) ## environment in .venv and the model pack in the cache
	@$(BIN)/python -m model.pack
	@$(BIN)/python -m model.language.decoder

test: setup $(VENV)/.dev ## everything CI runs: lint, types, tests (the browser's too)
	@$(BIN)/python -m tests.chromium
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 2 --dist loadfile $(if $(filter 1,$(CUEPOINT_SKIP_BROWSER)),-m "not browser")

lint: $(VENV)/.$(KIND) $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

lock: $(VENV)/.python ## resolve requirements*.txt into locks/ anew
	@compile() { $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --custom-compile-command "make lock" --override locks/overrides.txt "$$@"; }; \
	compile requirements.txt -o locks/cpu.txt; \
	compile requirements-gpu.txt -o locks/gpu.txt; \
	compile -c locks/cpu.txt requirements-dev.txt -o locks/dev.txt

clean: ## remove .venv and tool caches (never your videos, nor the model pack)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.$(KIND): locks/$(KIND).txt $(VENV)/.python
	@echo "Installing Cuepoint's packages ($(KIND)): minutes the first time"
	@rm -f $(VENV)/.$(OTHER)
	@$(BIN)/uv pip uninstall --python $(BIN)/python --quiet faiss-$(OTHER) opencv-python opencv-python-headless 2>/dev/null || true
	@$(INSTALL)
	@touch $@

$(VENV)/.dev: locks/dev.txt $(VENV)/.python
	@$(INSTALL)
	@touch $@

$(VENV)/.python:
	@fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))'; \
	for python in $(or $(PYTHON),python3.11 python3.12 python3 python); do \
	  if $$python -c "$$fits" 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
	  echo "Cuepoint needs Python 3.11 or 3.12; here: $$($(or $(PYTHON),python3) --version 2>&1 || true)." >&2; \
	  echo "Install one of them (Debian 12: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.11" >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$found --version)"; \
	$$found -m venv $(VENV) || { echo "No virtual environment could be made: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@touch $@
