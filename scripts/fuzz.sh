#!/bin/sh
# Runs every fuzz target of the tree for a while: fuzz.sh [TIME, default 5s] [PACKAGE].
set -eu
time=${1:-5s}
pkgs=${2:-./...}
for pkg in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "$pkgs"); do
	for f in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		echo "fuzz $pkg $f for $time"
		go test "$pkg" -run '^$' -fuzz "^$f\$" -fuzztime "$time"
	done
done
