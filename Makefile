# Each target sets up what it needs; a second time that takes a moment.
PY := .venv/bin/python
SHELL := /bin/bash

.DEFAULT_GOAL := help
.PHONY: help setup run test test-clients test-report test-checks check bench clean

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 10

setup: ## make or refresh .venv
	@scripts/setup.sh

run: setup ## the pipeline on wine to a pushed model below output/ (ARGS="..." for local_runner.py)
	@$(PY) local_runner.py $(ARGS)

test: setup ## the tests (ARGS="..." for pytest)
	@$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

test-clients: setup ## the served model in clients that are not ours: Java, OpenVINO, MLflow, ...
	@scripts/clients.sh $(ARGS)

test-report: ## the report in a real browser, Chromium (installed by apt where it is missing)
	@scripts/setup.sh browser
	@scripts/browser.sh $(ARGS)

test-checks: setup ## that the tests notice each check of ExportValidator which always passes
	@$(PY) -W ignore scripts/always_passing.py $(ARGS)

check: setup ## lint, format, types, import rules, packaging, no traces of a machine
	@scripts/check.sh

bench: ## one benchmark against its peers: NAME=data, fit, end_to_end or serving
	@scripts/setup.sh bench
	@$(PY) -W ignore benchmarks/harness.py $(NAME) 2> >(grep -vE 'tensorflow/|external/|rebuild TensorFlow|W0000|I0000|E0000' >&2)

clean: ## remove what was built; output/ stays
	rm -rf build dist .venv *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
