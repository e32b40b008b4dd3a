# What a fresh Debian machine with Rust needs is installed here, said, and cached in .cache.
SHELL := /bin/sh
ROOT := $(CURDIR)
TARGET := $(or $(CARGO_TARGET_DIR),$(ROOT)/target)
LIBS := $(or $(CORDON_KAFKA_LIBS),$(ROOT)/.cache/kafka/libs)
VENV := $(ROOT)/.cache/venv
PACKAGES := build-essential pkg-config libssl-dev zlib1g-dev openjdk-17-jre-headless maven python3-venv procps util-linux
export CORDON_KAFKA_LIBS = $(LIBS)
export CORDON_PYTHON = $(VENV)/bin/python
export CORDON_BIN = $(TARGET)/debug/cordon

.PHONY: demo test setup build lint unit e2e checker kafka kafka-stop python

demo: setup-build
	cargo run --quiet -p cordon -- demo --out "$$(mktemp -d)/cordon-demo"

# Everything, on a real Kafka with SASL and ACLs on, and an S3 API.
test: setup lint unit checker e2e

setup: setup-build setup-kafka python

setup-build:
	@missing=; for package in build-essential pkg-config libssl-dev zlib1g-dev; do \
	  dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	$(MAKE) -s apt MISSING="$$missing"

setup-kafka:
	@missing=; command -v java >/dev/null || missing="$$missing openjdk-17-jre-headless"; \
	command -v mvn >/dev/null || missing="$$missing maven"; \
	python3 -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	$(MAKE) -s apt MISSING="$$missing"
	@test -e $(LIBS)/kafka_2.13-4.3.1.jar || { echo "fetching Apache Kafka by Maven"; kafka/local/fetch $(LIBS); }

apt:
	@test -z "$(strip $(MISSING))" || { \
	  if [ "$$(id -u)" = 0 ]; then echo "installing$(MISSING)"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(MISSING) >/dev/null; \
	  else echo "run: sudo apt-get install -y $(MISSING)"; exit 1; fi; }

python: $(VENV)/done

$(VENV)/done: tests/requirements.txt
	@echo "installing the checker's libraries into $(VENV)"
	@python3 -m venv $(VENV) && $(VENV)/bin/pip install -q -r tests/requirements.txt && touch $@

build:
	cargo build --workspace

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

unit: build
	cargo test --workspace --exclude cordon-tests --exclude cordon-kafka
	cargo test -p cordon-kafka

checker: python
	cd tests/checker && $(VENV)/bin/python -m unittest discover -q .

e2e: build
	cargo test -p cordon-tests -- --nocapture

kafka: setup-kafka
	cargo run -q -p cordon-kafka --example kafka -- start

kafka-stop:
	cargo run -q -p cordon-kafka --example kafka -- stop
