# Everything happens in .venv: nothing is installed outside this directory.
PYTHON ?= python3
KERNEL ?= 6.12
CAPTURE ?= fork-partial-6.12
BIN := .venv/bin

SOURCES := $(shell find pat_check grammars .ci -type f ! -name '*.pyc' ! -name '*.so')

.PHONY: compiled demo docs test test-kernel clean

# Replay a recording of a real kernel. pat-check exits with 1 when it finds something, which here is the point.
demo: .venv/installed
	@echo '$$ pat-check replay examples/$(CAPTURE)'
	@$(BIN)/pat-check replay examples/$(CAPTURE) || test $$? -eq 1

# The documentation site, in build/docs; a page that is not as the code has it, or any warning, is an error.
docs: .venv/installed-docs
	$(BIN)/python -m pat_check.docs --check
	$(BIN)/sphinx-build -W --keep-going -n -q -b html docs build/docs
	@echo build/docs/index.html

test: .venv/installed-test compiled
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict pat_check
	$(BIN)/pytest -n auto

# A wheel with its compiled parts, unpacked: what is released, for tests and benchmarks.
compiled: build/installed/made

build/installed/made: .venv/installed-test $(SOURCES)
	rm -rf build/installed build/wheel
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps -w build/wheel .
	$(BIN)/python -m zipfile -e build/wheel/*.whl build/installed
	$(BIN)/python -m compileall -q build/installed
	touch $@

# Record in Debian kernels under QEMU and replay: make test-kernel KERNEL="6.1 6.12 7.2". See docs/recording.md.
test-kernel: .venv/installed-test
	$(BIN)/python -m tests.kernel.run $(KERNEL)

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/installed-docs: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@ .venv/installed

.venv/installed-test: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,docs]'
	touch $@ .venv/installed .venv/installed-docs
