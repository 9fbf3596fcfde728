# Every target builds the environment it needs; `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?= -n 2 --dist loadscope
MARKED_ARGS ?=
BENCH_ARGS ?=
LOCK_ARGS ?=

PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
LOCKS := requirements.lock requirements-dev.lock
MARKED := kafka or clients or faults or scale

# A stamp is named by what it was installed from: an unchanged lock costs nothing.
checksum = $(shell cat $(1) pyproject.toml | cksum | cut -d ' ' -f 1)
RUN_STAMP := $(VENV)/.run-$(call checksum,requirements.lock)
DEV_STAMP := $(VENV)/.dev-$(call checksum,requirements-dev.lock)
# The development environment contains the one that serves.
RUN_READY := $(or $(wildcard $(DEV_STAMP)),$(RUN_STAMP))

# Services and commands are started by the hundred: without this each may compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install serve test test-all test-marked clients check format openapi asyncapi bench lock \
  lock-clients kafka clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  Variables: PYTHON, VENV, PYTEST_ARGS, MARKED_ARGS, BENCH_ARGS, LOCK_ARGS (see Makefile)"

install: $(RUN_READY) ## Make the environment in .venv

serve: $(RUN_READY) ## Start the service with its own PostgreSQL
	$(VENV)/bin/teamledger serve

test: $(DEV_STAMP) ## Run every test that needs only Python and make
	$(PY) -m pytest -m "not ($(MARKED))" $(PYTEST_ARGS)

test-all: test test-marked ## Run every test, and list what was skipped and why

# One process: these tests share brokers, ports and the machine. Exit 5 means none is collected.
test-marked: $(DEV_STAMP) ## Run the tests marked kafka, clients, faults or scale
	$(PY) -m pytest -m "$(MARKED)" -rs $(MARKED_ARGS) || [ $$? -eq 5 ]

clients: $(DEV_STAMP) ## Install LiteLLM's own client into .venv-clients; its tests do so as well
	$(PY) -m tests.clients.environment

kafka: ## Fetch the Kafka that tests run into deploy/kafka/lib; needs Maven
	deploy/kafka/kafka.sh fetch

check: $(DEV_STAMP) ## Lint, formatting, types, import rules, locks
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(PY) -m pip check
	@grep -nE 'https?:' $(LOCKS) $$(git ls-files '*.lock'); \
	  test $$? -eq 1 || { echo "a lock file is missing or names an address"; exit 1; }

format: $(DEV_STAMP) ## Format the code and apply safe fixes
	$(VENV)/bin/ruff format
	$(VENV)/bin/ruff check --fix

openapi: $(RUN_READY) ## Write docs/openapi.json again from the code
	$(VENV)/bin/teamledger openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json

asyncapi: $(RUN_READY) ## Write docs/asyncapi.json again from the facts
	$(VENV)/bin/teamledger asyncapi > docs/asyncapi.json.new
	mv docs/asyncapi.json.new docs/asyncapi.json

bench: $(DEV_STAMP) ## Run the benchmarks and print their figures
	$(PY) -m tests.benchmarks.run $(BENCH_ARGS)

# With the oldest Python, so that every backport is in the lock; hashes cover all wheels of a
# version. `make lock LOCK_ARGS=--upgrade` takes newer versions. setuptools builds the project.
COMPILE = CUSTOM_COMPILE_COMMAND="make $@" $(PY) -m piptools compile --quiet --generate-hashes \
  --allow-unsafe --strip-extras --no-annotate --no-emit-index-url --no-emit-trusted-host \
  --no-emit-find-links --no-emit-options $(LOCK_ARGS)
PROJECT := --build-deps-for editable pyproject.toml
OLDEST := import sys; sys.exit(sys.version_info[:2] != (3, 11) and "needs PYTHON=python3.11")

lock: $(DEV_STAMP) ## Write both lock files again from pyproject.toml
	@$(PY) -c '$(OLDEST)'
	$(COMPILE) --output-file requirements.lock $(PROJECT)
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock \
	  $(PROJECT)

lock-clients: $(DEV_STAMP) ## Write the lock file of LiteLLM's own client again
	@$(PY) -c '$(OLDEST)'
	$(COMPILE) --output-file tests/clients/litellm.lock tests/clients/litellm.in

clean: ## Remove caches and build products; the environment stays
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache
	find events services tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	$(PYTHON) -m venv $(VENV)

define install
	rm -f $(VENV)/.run-* $(VENV)/.dev-*
	$(PIP) --no-compile --require-hashes -r $(1)
	PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation -e .
	touch $@
endef

$(RUN_STAMP): | $(PY)
	$(call install,requirements.lock)

$(DEV_STAMP): | $(PY)
	$(call install,requirements-dev.lock)
