# Everything happens in .venv: nothing is installed outside this directory.
PYTHON ?= python3
CAPTURE ?= fork-partial-6.12
BIN := .venv/bin

.PHONY: demo test clean

# Replay a recording of a real kernel. pat-check exits with 1 when it finds something, which here is the point.
demo: .venv/installed
	@echo '$$ pat-check replay examples/$(CAPTURE)'
	@$(BIN)/pat-check replay examples/$(CAPTURE) || test $$? -eq 1

test: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict pat_check
	$(BIN)/pytest -n auto

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/installed-test: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@ .venv/installed
