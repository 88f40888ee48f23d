# Alcedo. `make` alone tells what there is.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 10s
CUTS    ?= 100000
DATA    ?= ./alcedo-large
FUNCTIONS ?= 10000
OBJECTS ?= 1000000

export CGO_ENABLED = 1
export ALCEDO_RUNTIME_DIR ?= $(CURDIR)/.alcedo/runtimes

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@echo 'Alcedo: object storage that runs your code.'
	@echo
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Start with `make demo`. What is built lies in bin/, what is installed in .alcedo/.'

.PHONY: demo
demo: setup ## upload a picture, see a function of each language resize it
	@node e2e/demo/demo.js

.PHONY: test
test: ## everything: vet, Go tests with -race, end-to-end with the official SDKs
	@scripts/test

.PHONY: build
build: ## bin/alcedo, with the web console in it
	@scripts/setup console
	@$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/alcedo ./cmd/alcedo

.PHONY: run
run: setup ## serve on the default ports, with ./alcedo-data, until Ctrl-C
	@exec bin/alcedo serve

.PHONY: setup
setup: ## install what is missing (host programs, the runtimes' built-in modules), and build
	@scripts/setup

.PHONY: lint
lint: ## formatting, vet, staticcheck, and the syntax of everything that is not Go
	@STATICCHECK=$(STATICCHECK) scripts/lint

.PHONY: bench
bench: setup ## measure the numbers that the project promises, beside a floor
	@$(GO) run ./e2e/bench $(BENCHFLAGS)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (10s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz

.PHONY: torture
torture: ## cut the power 100,000 times under uploads and the runs they owe (CUTS=, some 15 minutes)
	@ALCEDO_CUTS=$(CUTS) $(GO) test -timeout 2h -count 1 -v -run TestPowerCuts ./internal/delivery

.PHONY: crash
crash: setup ## kill -9 the server 50 times under load, count what is lost (CRASHFLAGS=, --help)
	@node e2e/crash/run.js $(CRASHFLAGS)

.PHONY: fill
fill: ## a data directory with 10,000 functions and 1,000,000 objects (DATA=, FUNCTIONS=, OBJECTS=), for e2e/browser/large.js
	@$(GO) run ./e2e/fill -data $(DATA) -functions $(FUNCTIONS) -objects $(OBJECTS)

.PHONY: screenshots
screenshots: setup ## a picture of every page of the console, in docs/screenshots
	@node e2e/browser/screenshots.js

.PHONY: clean
clean: ## remove what was built and installed; never ./alcedo-data
	rm -rf bin .alcedo e2e/node_modules
