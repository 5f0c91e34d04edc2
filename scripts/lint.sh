#!/bin/sh
# Formatting, vet and staticcheck, for both builds.
set -eu
bad=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$bad" ]; then
	printf 'not formatted (gofmt -w):\n%s\n' "$bad" >&2
	exit 1
fi
go vet ./...
go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
tags=$(sh scripts/libpcap.sh check)
if [ -n "$tags" ]; then
	go vet -tags "$tags" ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags "$tags" ./...
fi
