# Each target first sets up what it needs, which takes only a moment after the first time.
PY := .venv/bin/python
SHELL := /bin/bash

.DEFAULT_GOAL := help
.PHONY: help setup run test test-tfx-next test-clients test-report test-checks test-sanitizers test-processors check bench clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 17

setup: ## create or update .venv
	@scripts/setup.sh

run: setup ## run the pipeline on the wine data; the model is pushed below output/ (ARGS="..." for local_runner.py)
	@$(PY) local_runner.py $(ARGS)

test: setup ## run the tests (ARGS="..." for pytest)
	@$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

test-tfx-next: ## run the pipeline and the tests on TFX 1.21 and Python 3.13, in Debian 13 if glibc is old
	@scripts/tfx_next.sh $(ARGS)

test-clients: setup ## test the pushed model in other software: Java, OpenVINO, MLflow, ...
	@scripts/clients.sh $(ARGS)

test-report: ## test report.html in Chromium (installed by apt if missing)
	@scripts/setup.sh browser
	@scripts/browser.sh $(ARGS)

test-checks: setup ## make each check of ExportValidator always pass in turn, and verify that a test fails
	@$(PY) -W ignore scripts/always_passing.py $(ARGS)

test-sanitizers: setup ## test the kernels compiled with the address and undefined behaviour sanitizers of gcc
	@scripts/sanitizers.sh $(ARGS)

test-processors: setup ## compare the results of the kernels on x86-64 and, in QEMU, on 64-bit Arm
	@scripts/processors.sh

check: setup ## lint, check formatting, types, import rules, packaging and machine-specific paths
	@scripts/check.sh

bench: ## run one benchmark against its peers: NAME=data, fit, quality, tables, end_to_end or serving
	@scripts/setup.sh bench
	@$(PY) -W ignore benchmarks/harness.py $(NAME) 2> >(grep -vE 'tensorflow/|external/|rebuild TensorFlow|W0000|I0000|E0000' >&2)

clean: ## remove everything that was built, except output/
	rm -rf build dist .venv *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f components/clustering/kernels/kernels.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
