# Every target installs what it needs first; on a machine that has it, that takes under a second.
# The work is done by the scripts in scripts/.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup setup-run wasm build test deny run bench bench-delegation bench-ledger bench-sts chaos fuzz graph hostile model parity bench-revocation faults

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup-run ## start the stack and play the story (RUN_ONCE=1: end after the story)
	@scripts/run.sh caracal-story $(if $(filter 1,$(RUN_ONCE)),--once)

test: setup ## format, lints, unit and property tests, end to end on Envoy, dependencies
	@scripts/test.sh

bench: setup ## measure what the filter costs per request
	@scripts/run.sh caracal-bench

bench-ledger: setup ## measure what the ledger takes in, beside bare rows and a hash chain, and what verifying costs
	@scripts/run.sh caracal-bench-ledger

bench-sts: setup ## measure what an exchange costs, beside one signature and one verification
	@scripts/run.sh caracal-bench-sts

bench-revocation: setup ## measure how long a revocation takes to reach 500 enforcement points
	@scripts/run.sh caracal-bench-revocation

bench-delegation: setup ## measure what ending a session with 10,000 below it costs, beside one alone
	@scripts/run.sh caracal-bench-delegation

chaos: setup ## take replicas, PostgreSQL, Redis and the disk away under load, and count
	@scripts/run.sh caracal-chaos

faults: setup ## inject every fault around a revocation, on real gateways, and renew the table in docs
	@scripts/run.sh caracal-faults

fuzz: setup ## try to break every reader of hostile bytes, guided by coverage (FUZZ_SECONDS, FUZZ_TARGETS)
	@scripts/fuzz.sh

hostile: setup ## send every hostile request, fuzz against other routers, and renew the tables in docs
	@scripts/run.sh caracal-hostile

parity: setup ## the same requests through the filter and through ext_authz, and renew the table in docs
	@scripts/run.sh caracal-parity

model: setup ## explore the feed-and-lease protocol, every order of events, for all sizes
	@scripts/model.sh

graph: setup ## hold random histories of delegation against a model, on both databases (GRAPH_OPERATIONS)
	@scripts/graph.sh

wasm: setup-run ## build only the filter: target/wasm/caracal-filter.wasm
	@scripts/build-wasm.sh

build: setup-run ## build only the native programs
	@scripts/build-native.sh

deny: setup ## check licences, sources and known vulnerabilities of the dependencies
	@scripts/deny.sh

setup: ## install what is missing: Rust, Envoy, Go, PostgreSQL, Redis, an S3 server, SoftHSM, clients, the Wasm standard library
	@scripts/setup.sh

setup-run: ## install what only running it needs: Rust, Envoy, the Wasm standard library
	@scripts/setup.sh run
