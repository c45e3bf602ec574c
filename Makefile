# Everything runs with Go, a C compiler and make; `make test` installs the
# servers that the tests start (as root on Debian; else it says what to do).

GO        ?= go
# The store's SQLite driver is C.
export CGO_ENABLED = 1

# Passed on to `go test`, such as TESTFLAGS=-count=1.
TESTFLAGS ?=
# Which packages are tested and benchmarked.
PACKAGES  ?= ./...
# What looks at when things happen, kills processes or drives a browser, and so runs beside no
# other package.
ALONE := carillon/app carillon/cli/bench carillon/internal/browsertest carillon/internal/crashtest

# What takes longest, and so begins first.
FIRST := carillon/store carillon/internal/docstest

# How many packages are built and tested at a time: two for each processor, as a test waits for
# about half of its time for a database, a process or a deadline.
TOGETHER ?= $(shell expr 2 '*' "$$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)")

# Which benchmarks run, how often, and where the results go for benchstat.
BENCH     ?= .
BENCHCOUNT ?= 1
BENCHOUT  ?= bin/bench.txt
# How long each fuzz target runs.
FUZZTIME  ?= 10s

GOLANGCI  := $(GO) tool -modfile=tools/go.mod golangci-lint
DEADCODE  := $(GO) tool -modfile=tools/go.mod deadcode
BENCHSTAT := $(GO) tool -modfile=tools/go.mod benchstat

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z\/-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: web ## Build bin/carillon, with the console in it where Node.js 20 or newer is.
	$(GO) build -o bin/carillon ./cmd/carillon

.PHONY: web
web: ## Build the console, which the program embeds.
	@scripts/web.sh

# `make lint` vets everything, and a test need not wait for it; nor for the tables of debuggers,
# which take half of the linking.
.PHONY: test
test: test/deps web test/web/units ## Run the whole test suite, on real Redis and PostgreSQL too.
	@packages=$$($(GO) list $(PACKAGES)) || exit 1; status=0; \
	first=$$(echo "$$packages" | grep -xF $(FIRST:%=-e %)); together=$$(echo "$$packages" | grep -vxF $(ALONE:%=-e %) $(FIRST:%=-e %)); alone=$$(echo "$$packages" | grep -xF $(ALONE:%=-e %)); \
	if [ -n "$$first$$together" ]; then $(GO) test -vet=off -ldflags=-s -p $(TOGETHER) -timeout 20m $(TESTFLAGS) $$first $$together || status=1; fi; \
	if [ -n "$$alone" ]; then $(GO) test -vet=off -ldflags=-s -p 1 -timeout 20m $(TESTFLAGS) $$alone || status=1; fi; \
	exit $$status

.PHONY: test/deps
test/deps: ## Install the servers that the tests start, if they are missing.
	@scripts/test-deps.sh

.PHONY: test/web
test/web: test/deps web test/web/units ## Run the console's tests the long way: its units, and its journeys by mouse and by keyboard.
	CARILLON_TEST_LONG=1 $(GO) test -count=1 -timeout 30m $(TESTFLAGS) ./web ./internal/browsertest

.PHONY: test/web/units
test/web/units:
	@scripts/web.sh modules
	@cd web && npm run --silent generate >/dev/null && npm run --silent test

.PHONY: test/race
test/race: test/deps ## Run the whole test suite under the race detector.
	$(GO) test -race -timeout 40m $(TESTFLAGS) $(PACKAGES)

.PHONY: test/crash
test/crash: test/deps ## Kill the real binary at every step, the long way (up to 80 minutes).
	CARILLON_TEST_LONG=1 $(GO) test -count=1 -timeout 80m $(TESTFLAGS) -v ./internal/crashtest/...

.PHONY: test/soak
test/soak: test/deps ## Send for MINUTES=10 while the network is bad everywhere in turn (CARILLON_TEST_SEED=n repeats a run).
	CARILLON_TEST_MINUTES=$(or $(MINUTES),10) $(GO) test ./internal/crashtest -run '^TestSoak$$' -count 1 -v -timeout $$(( $(or $(MINUTES),10) * 3 + 10 ))m $(TESTFLAGS)

# Where the sessions of the APIs of others lie, with their runner.
COMPAT_SESSIONS ?= ../shared/acceptance

.PHONY: test/compat
test/compat: build ## Play sessions of the APIs of others (COMPAT_SESSIONS=folder) against the program.
	scripts/compat/play.sh $(COMPAT_SESSIONS)

.PHONY: lint
lint: lint/format ## Check formatting, go vet, the linters, dead code, go.mod and the console.
	$(GO) vet ./...
	$(GOLANGCI) run
	@$(MAKE) --no-print-directory lint/dead
	@scripts/lint-mod.sh
	@$(MAKE) --no-print-directory lint/web

.PHONY: lint/web
lint/web: ## Check the types of the console, and lint it.
	@scripts/web.sh modules
	@cd web && npm run --silent lint

.PHONY: lint/format
lint/format: ## Check that gofmt has nothing to change.
	@files=$$(find . \( -name node_modules -o -name '.?*' \) -prune -o -name '*.go' -print0 | xargs -0 gofmt -l) || exit 1; \
	if [ -n "$$files" ]; then echo "Not formatted; run gofmt -w on:"; echo "$$files"; exit 1; fi

.PHONY: lint/dead
lint/dead: ## Check that every function is called from somewhere.
	@dead=$$($(DEADCODE) -test ./...) || exit 1; \
	if [ -n "$$dead" ]; then echo "Nothing calls these, no test either; delete them, with what they alone call:"; echo "$$dead"; exit 1; fi

.PHONY: lint/mod
lint/mod: ## Check that go.mod and go.sum are tidy.
	@scripts/lint-mod.sh

.PHONY: demo
demo: build ## Run the main job end to end on real input and show it.
	bin/carillon demo

.PHONY: bench
bench: test/deps ## Run the Go benchmarks; results in bin/bench.txt.
	@mkdir -p $(dir $(BENCHOUT))
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCHCOUNT) -timeout 60m $(PACKAGES) >$(BENCHOUT); status=$$?; cat $(BENCHOUT); exit $$status

.PHONY: bench/web
bench/web: test/deps web ## Scroll through CONTACTS=100000 contacts and watch a run to them in a real browser; say frame times and the heap.
	CARILLON_TEST_JOURNEYS=many,cold,watch,long CARILLON_TEST_CONTACTS=$(or $(CONTACTS),100000) $(GO) test ./internal/browsertest -run TheConsoleInABrowser -count 1 -v -timeout 30m

.PHONY: bench/compare
bench/compare: ## Compare two results: make bench/compare OLD=a.txt NEW=b.txt.
	@test -n "$(OLD)" && test -n "$(NEW)" || { echo "Name two results: make bench/compare OLD=a.txt NEW=b.txt"; exit 2; }
	$(BENCHSTAT) $(OLD) $(NEW)

.PHONY: rotation
rotation: test/deps ## Rotate the master key while MESSAGES=100000 go out, on SQLite and on PostgreSQL with Redis.
	CARILLON_TEST_MESSAGES=$(or $(MESSAGES),100000) $(GO) test ./app -run TestTheMasterKeyIsRotatedWhileMessagesGoOut -count 1 -v -timeout 30m

.PHONY: fuzz
fuzz: ## Run every fuzz target for a while (FUZZTIME=10s each).
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: clean
clean: ## Remove what was built.
	rm -rf bin
