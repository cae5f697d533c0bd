SHELL := /bin/bash
.DEFAULT_GOAL := help

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

setup:  ## make .venv from the pinned, hashed lock
	@scripts/setup

demo: setup  ## real images in, a trained model answering on an endpoint, on this machine
	@.venv/bin/gluonship demo

test: setup  ## lint, types, and every test but the slow ones
	@scripts/test -m "not slow"

test-all: setup  ## what must pass before a change lands: all of `make test`, and the slow tests
	@scripts/test

deploy-local: setup  ## the whole account on the local cloud, by the CDK; starts a cloud where none runs
	@.venv/bin/python infra/local.py deploy

destroy-local: setup  ## take that account away again
	@.venv/bin/python infra/local.py destroy

lock: setup  ## rewrite requirements/*.lock from pyproject.toml
	@scripts/lock

clean:  ## remove what the verbs above made
	rm -rf .venv .boot infra/node_modules infra/cdk.out .ruff_cache .mypy_cache .pytest_cache demo-output

.PHONY: help setup demo test test-all deploy-local destroy-local lock clean
