SHELL := /bin/bash
.DEFAULT_GOAL := help

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup:  ## make .venv from the pinned, hashed lock
	@scripts/setup

demo: setup  ## real images in, a trained model answering on an endpoint, on this machine
	@.venv/bin/gluonship demo

test: setup  ## lint, types, and every test
	@scripts/test

lock: setup  ## rewrite requirements/*.lock from pyproject.toml
	@scripts/lock

clean:  ## remove what the verbs above made
	rm -rf .venv .boot infra/node_modules infra/cdk.out .ruff_cache .mypy_cache .pytest_cache demo-output

.PHONY: help setup demo test lock clean
