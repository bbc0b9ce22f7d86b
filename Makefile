# Every target sets itself up: a fresh checkout, Python 3.11 or newer and make are enough.

PYTHON ?= python3
VENV ?= .venv
# The extras of pyproject.toml that each purpose needs.
DEMO_EXTRAS ?= embedded
TEST_EXTRAS ?= embedded,local,dev
# Processes that share the tests, each with a server of its own; 0: this one alone (for --pdb).
WORKERS ?= auto

run := $(VENV)/bin/python -m
demo_ready := $(VENV)/.has-$(DEMO_EXTRAS)
test_ready := $(VENV)/.has-$(TEST_EXTRAS)

.PHONY: help demo test test-servers check lint types contracts bench clean

help:
	@echo "make demo       audit a sample shop on a PostgreSQL of its own"
	@echo "make test       all tests          (ARGS='-k sandbox' for some, WORKERS=0 in one process)"
	@echo "make test-servers  what reads a target, on PostgreSQL 13, 14, 16 and 17, too (needs npm)"
	@echo "make check      lint, types, import contracts and all tests"
	@echo "make bench      what advice and memory are worth, beside a careful human, raw SQL and"
	@echo "                other stores       (ARGS=memory for one part)"
	@echo "make clean      remove what the other targets made in this folder"

demo: $(demo_ready)
	@$(run) agentdb demo $(ARGS)
	@echo "The commands above work after: . $(VENV)/bin/activate" >&2

test: $(test_ready)
	$(run) pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist loadscope --no-loadscope-reorder $(ARGS)

test-servers: $(test_ready)
	@servers=$$(scripts/servers .servers) && \
		AGENTDB_TEST_SERVERS=$$servers $(MAKE) test ARGS='-m servers $(ARGS)'

check: lint types contracts test

lint: $(test_ready)
	$(run) ruff check
	$(run) ruff format --check

types: $(test_ready)
	$(run) mypy

contracts: $(test_ready)
	$(VENV)/bin/lint-imports

bench: $(demo_ready)
	$(run) benchmarks $(ARGS)

clean:
	rm -rf $(VENV) .servers .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage dist build
	find . -name __pycache__ -prune -exec rm -rf {} +

# One stamp for each set of extras, renewed when what they ask for has changed.
$(VENV)/.has-%: pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" scripts/venv "$(VENV)" "$*"
	@touch $@
