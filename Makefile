# The one door: make, make demo, make test, make bench.
#
# With libpcap's headers gzeek can also capture live and compile any BPF
# expression; without them it is built in pure Go, for files. `make` installs
# the headers where it may (root or sudo on Debian and Ubuntu).

GO      ?= go
OUT     ?= bin/gzeek
TAGS    := $(shell sh scripts/libpcap.sh check)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/gzeek/gzeek/cli.version=$(VERSION)

.PHONY: all build libpcap demo test race soak fuzz lint bench bench-cut pgo man release release-check deb rpm deb-check clean

all: build

libpcap:
	@sh scripts/libpcap.sh install

build: libpcap
	@tags="$$(sh scripts/libpcap.sh check)"; \
	$(GO) build -trimpath -tags "$$tags" -ldflags '$(LDFLAGS)' -o $(OUT) ./cmd/gzeek

demo: build
	@sh scripts/demo.sh $(OUT)

test:
	$(GO) test ./...

race:
	$(GO) test -race ./capture ./control ./engine ./extract ./files/magic ./pattern ./zeeklog

# With real peers in network namespaces, as root: SOAK=3m and more.
soak:
	GZEEK_SOAK=$(or $(SOAK),3m) $(GO) test -v -count=1 -timeout 0 -run '^TestSoak$$' ./internal/soak

lint:
	@sh scripts/lint.sh

fuzz:
	@sh scripts/fuzz.sh $(or $(FUZZTIME),5s)

bench: build
	@sh scripts/bench.sh $(OUT)

bench-cut: build
	@sh scripts/bench-cut.sh $(OUT)

# Where gzeek spends its time, for the next build (cmd/gzeek/default.pgo). To be
# done when the hot path has changed; two runs never give the same octets.
pgo: build
	@sh scripts/pgo.sh $(OUT)

# The manual, to dist/man; what it says is what --help prints.
man: build
	@rm -rf dist/man && mkdir -p dist/man && $(OUT) __man dist/man

# Tarballs and packages in pure Go, the same wherever they are built; ARCH=amd64
# builds for that alone.
release:
	@sh scripts/release.sh tar $(ARCH)

release-check:
	@sh scripts/release.sh check $(ARCH)

deb rpm:
	@sh scripts/release.sh $@ $(ARCH)

# As root: the package in a fresh Debian that systemd boots, from installation to
# purge.
deb-check: deb
	sh scripts/deb-in-systemd.sh "$$(ls -t dist/gzeek_*_$(shell $(GO) env GOARCH).deb | head -n 1)"

clean:
	rm -rf bin dist
