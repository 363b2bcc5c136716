# Every target installs what it needs first; on a machine that has it, that takes under a second.
# The work is done by the scripts in scripts/.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup wasm build test deny run bench bench-sts chaos

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## start the stack and play the story (RUN_ONCE=1: end after the story)
	@scripts/run.sh caracal-story $(if $(filter 1,$(RUN_ONCE)),--once)

test: setup ## format, lints, unit and property tests, end to end on Envoy, dependencies
	@scripts/test.sh

bench: setup ## measure what the filter costs per request
	@scripts/run.sh caracal-bench

bench-sts: setup ## measure what an exchange costs, beside one signature and one verification
	@scripts/run.sh caracal-bench-sts

chaos: setup ## take replicas, PostgreSQL, Redis and the disk away under load, and count
	@scripts/run.sh caracal-chaos

wasm: setup ## build only the filter: target/wasm/caracal-filter.wasm
	@scripts/build-wasm.sh

build: setup ## build only the native programs
	@scripts/build-native.sh

deny: setup ## check licences, sources and known vulnerabilities of the dependencies
	@scripts/deny.sh

setup: ## install what is missing: Rust, Envoy, Go, PostgreSQL, Redis, SoftHSM, clients, the Wasm standard library
	@scripts/setup.sh
