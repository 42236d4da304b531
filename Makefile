# The targets of the house; `make` lists them. Each checks what it needs and names the line that installs it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := $(if $(VERSION),-X main.version=$(VERSION))
DEMO_DIR := ./demo-data
KINDS := kafka cassandra etcd kubo elasticsearch

# Black-box tests run the binary that build made.
export LIBRUM_BIN := $(CURDIR)/bin/librum

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## build bin/librum
	@tools/require.sh git go
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/librum ./cmd/librum

.PHONY: build-pkcs11
build-pkcs11: ## build bin/librum with cgo, for keys on PKCS #11 tokens
	@tools/require.sh git go gcc
	CGO_ENABLED=1 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/librum ./cmd/librum

.PHONY: grafana-plugin
grafana-plugin: ## build the Grafana data source into grafana-plugin/dist
	@tools/require.sh go node
	tools/node-modules.sh
	cd grafana-plugin && npm run --silent build
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o grafana-plugin/dist/gpx_librum_datasource_linux_$$(go env GOARCH) ./grafana-plugin/pkg

.PHONY: demo
demo: build ## train on four nodes and ten peers in one process, verify, keep the data in ./demo-data
	@tools/clean-demo.sh $(DEMO_DIR)
	bin/librum demo --dir $(DEMO_DIR) --keep

.PHONY: test
test: test-go test-arm64 test-python test-grafana ## all tests that need no server

.PHONY: test-go
test-go: build ## the Go tests, those of test/peers too, with the race detector where a C compiler works
	tools/test-go.sh

.PHONY: test-arm64
test-arm64: ## the tests of the averages under emulation of arm64, where qemu-user is there
	tools/test-arm64.sh

.PHONY: test-python
test-python: build ## build the package librum, test its wheel and the Python tests against bin/librum
	tools/test-python.sh

.PHONY: test-grafana
test-grafana: ## the tests of the Grafana data source's front end, where Node is there
	tools/test-grafana.sh

.PHONY: test-integration
test-integration: build ## the tests against real servers, which it starts and stops unless make servers runs, test-frameworks, the notebooks, and the documentation's site
	@tools/require.sh go python
	tools/test-integration.sh
	tools/test-frameworks.sh
	tools/notebooks.sh
	tools/site.sh

.PHONY: test-frameworks
test-frameworks: build ## the tests of Python's adapters with the frameworks, which it installs once in your cache: gigabytes
	tools/test-frameworks.sh $(FRAMEWORKS)

.PHONY: notebooks
notebooks: build ## run the notebooks that need no framework, and keep their outputs in the files
	@tools/require.sh python
	tools/notebooks.sh --write

.PHONY: site
site: ## build the documentation as a site into build/site
	tools/site.sh

.PHONY: test-faults
test-faults: build ## the tests of faults at full length, an hour or so; make test runs them short
	@tools/require.sh go
	tools/test-faults.sh

.PHONY: lint
lint: ## the linters of .golangci.yml, the house rules of internal/lint, go.mod, compose files, ruff and mypy, eslint and prettier
	@tools/require.sh go
	tools/golangci-lint.sh run ./...
	go test ./internal/lint
	tools/tidy.sh
	tools/generate.sh check
	tools/compose.sh
	tools/lint-python.sh
	tools/lint-grafana.sh

.PHONY: lint-grafana
lint-grafana: ## eslint and prettier over the Grafana data source's front end
	tools/lint-grafana.sh

.PHONY: fmt
fmt: ## format the Go code with gofumpt and gci
	@tools/require.sh go
	tools/golangci-lint.sh fmt ./...

.PHONY: generate
generate: ## write the vector code of aggregator/kernel anew; make lint looks whether it is what tools/kernels makes
	@tools/require.sh go
	tools/generate.sh

.PHONY: bench
bench: build ## measure the aggregator and the chain beside this machine's own bounds
	bin/librum bench aggregate
	bin/librum bench chain

.PHONY: data
data: ## fetch MNIST, Fashion-MNIST, lung and MathAchieve into your cache: make data SETS="mnist lung"
	@tools/data.sh $(SETS)

.PHONY: bench-peers
bench-peers: build ## measure the chain beside CometBFT, one node and four, the latter over Kafka
	tools/bench-peers.sh

.PHONY: servers
servers: ## start real servers on loopback, without containers: make servers KINDS="kafka etcd"
	tools/servers/servers.sh start $(KINDS)

.PHONY: servers-stop
servers-stop: ## stop what make servers started, and nothing else
	tools/servers/servers.sh stop

.PHONY: cluster
cluster: build ## four nodes of four organisations over Kafka, Cassandra, etcd and kubo, a job, verification; until Ctrl-C
	tools/cluster.sh up

.PHONY: cluster-stop
cluster-stop: ## stop nodes and peers that make cluster started, and nothing else
	tools/cluster.sh stop

.PHONY: clean
clean: ## remove what build and demo made
	@tools/clean-demo.sh $(DEMO_DIR)
	rm -rf bin
