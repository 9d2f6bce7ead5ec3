# The two commands of the README, and what CI runs. Each target is one line.
PYTHON ?= python3
BIN := .venv/bin
COMMA := ,
EMPTY :=
SPACE := $(EMPTY) $(EMPTY)
# uv does not read pip's settings: hand over where pip would look.
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS ?= $(subst $(SPACE),$(COMMA),$(strip $(PIP_FIND_LINKS)))
endif
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
UV = $(shell command -v uv || echo $(BIN)/uv)
INSTALL := -e '.[demo,dev]' -c constraints.txt

.PHONY: demo test check test-slow bench docs tree constraints clean

demo: .venv/installed  ## read an honest report about real people's shopping; QUICK=1: minutes
	$(BIN)/habitus demo $(if $(QUICK),--quick)

test: check  ## everything a change must pass
	OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 $(BIN)/pytest -n 2 -m 'not slow'

check: .venv/installed  ## form, types and the direction of imports
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

test-slow: .venv/installed  ## what takes minutes
	$(BIN)/pytest -m slow

bench: .venv/installed  ## each figure beside its bar; NAME=ingest for one, QUICK=1 for small sizes
	$(BIN)/python -m benchmarks.run $(NAME) $(if $(QUICK),--quick)

docs: .venv/installed  ## run every example of README, CONTRIBUTING and docs
	$(BIN)/pytest tests/architecture/test_documents.py

tree:  ## write the tree of the README from the first line of each docstring
	$(PYTHON) tests/architecture/tree.py

constraints: .venv/installed  ## pin what is tested; torch is chosen by the machine
	$(UV) pip compile pyproject.toml -q --all-extras --upgrade --python-version 3.11 --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-package torch --custom-compile-command 'make constraints' -o constraints.txt

clean:  ## everything made here but runs/, which holds results
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	command -v uv >/dev/null || $(BIN)/python -m pip install --quiet uv -c constraints.txt 2>/dev/null || true
	$(UV) pip install --compile-bytecode --python $(BIN)/python $(INSTALL) || $(BIN)/python -m pip install $(INSTALL)
	touch $@
