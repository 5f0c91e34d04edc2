#!/bin/sh
# Measures a built gzeek: bench.sh GZEEK [flags of scripts/bench; -help lists them].
set -eu
gzeek=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
shift
cd "$(dirname -- "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
# Built, not run by go run, whose own process would stand in the way.
"${GO:-go}" build -o "$tmp/bench" ./scripts/bench
"$tmp/bench" -gzeek "$gzeek" "$@"
