# integration/setup installs what the targets need besides Go (on Debian and Ubuntu).
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PROGRAMS := $(addprefix ./,$(wildcard omzmq imzmq zmqtap))
FUZZTIME ?= 5s
CHAOS    ?= 2m
export CGO_ENABLED ?= 0
# VERSION above is the version. Go must not ask git for one, because git refuses a clone that belongs to another user.
export GOFLAGS := $(shell go env GOFLAGS 2>/dev/null) -buildvcs=false

.PHONY: build install packages packages-test demo demo-kafka test race lint fuzz integration chaos bench bench-quick clean

# The programs, into bin/.
build:
	go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ $(PROGRAMS)
	@[ "$$(id -u)" != 0 ] || chown -R --reference=. bin # after sudo make install, make build still works

# What the packages install, without what belongs into /etc. DESTDIR is for packagers. Where root has no Go, as with
# sudo, what is in bin/ is installed.
install:
	@! command -v go >/dev/null || $(MAKE) --no-print-directory build
	@[ -x bin/omzmq ] && [ -x bin/imzmq ] && [ -x bin/zmqtap ] || \
		{ echo "nothing to install in bin/, and go is not on this PATH: run make build first, as yourself" >&2; exit 1; }
	packaging/install bin "$(DESTDIR)"

# docs/reference.md, from what the programs say of themselves.
reference: build
	packaging/reference bin >docs/reference.md

# The deb and the rpm, for amd64 and arm64, into dist/. The same commit gives the same bytes.
packages:
	VERSION=$(VERSION) packaging/build

# The deb in fresh systems with systemd, Debian 12 and 13. Needs root.
packages-test:
	integration/packages

# Two private rsyslogd over ZeroMQ, with kills, in some seconds. Installs what is missing.
demo:
	demo/run

# The same into Kafka, in a minute.
demo-kafka:
	demo/kafka

# Every test, with the real rsyslogd, libzmq, Redis and Kafka. Installs what is missing.
test: build
	integration/setup test
	go vet ./...
	go test -count=1 -timeout=14m ./...
	@sed -s 's/^/NOT TESTED: /' .cache/*/left-out 2>/dev/null || true

# The packages' tests with the race detector.
race:
	CGO_ENABLED=1 go test -race -count=1 $$(go list ./... | grep -v /integration)

# gofmt, vet, staticcheck, and lines of at most 120 columns.
lint:
	@test -z "$$(gofmt -l */)" || { gofmt -d */; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	lint/columns

# Runs every fuzz target for $(FUZZTIME). When that time ends, Go (internal/fuzz, up to 1.26) sometimes reports a
# failure with nothing but "context deadline exceeded"; that is accepted here. A real failure names the input.
fuzz:
	@go vet ./... && mkdir -p .cache || exit 1; \
	for p in $$(go list ./...); do for t in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$t"; go test -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZTIME) $$p 2>&1 | tee .cache/fuzz.log; \
		grep -Eq '^(ok  |    context deadline exceeded$$)' .cache/fuzz.log || exit 1; done; done

# The tests with real programs alone, and what they say.
integration:
	integration/setup test
	go test -count=1 -v ./integration

# Kills, stops, cuts, freezes and refuses everything for $(CHAOS), and accounts for every line.
chaos:
	integration/setup test
	go test -count=1 -v -timeout=0 -run '^TestChaos$$' ./integration -chaos $(CHAOS)

# All rows with all samples, and the charts of them. It takes hours; bench/run -help says how to measure less.
bench: build
	bench/run -rounds 7 -json bench/results.json
	bench/run -charts

# Some rows with few messages, within two minutes.
bench-quick: build
	bench/run -quick -rounds 2

# Removes what was built and fetched.
clean:
	rm -rf bin dist .cache

.PHONY: help
# This list: each target, with the first sentence of its comment.
help:
	@awk '/^# / { about = about substr($$0, 2); next } \
		/^[a-z-]+:/ { sub(/[.] .*/, ".", about); sub(/:.*/, ""); printf "%-13s%s\n", $$1, about } \
		!/^[.]PHONY/ { about = "" }' $(firstword $(MAKEFILE_LIST))
