#!/bin/sh
# Runs every fuzz target of the tree for a while: fuzz.sh [TIME, default 5s] [PACKAGE].
set -eu
time=${1:-5s}
pkgs=${2:-./...}
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# ended_by_clock tells Go's own race from a finding: up to Go 1.26 the fuzzer may
# report the end of -fuzztime as a failure of the target (golang/go#75804). A
# finding names the input that it wrote, or the seed that failed.
ended_by_clock() {
	grep -q '^ *context deadline exceeded$' "$out" &&
		! grep -Eq 'Failing input written|seed corpus entry|panic:|DATA RACE' "$out"
}

for pkg in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "$pkgs"); do
	for f in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		echo "fuzz $pkg $f for $time"
		if go test "$pkg" -run '^$' -fuzz "^$f\$" -fuzztime "$time" -fuzzminimizetime 10x >"$out" 2>&1; then
			cat "$out"
			continue
		fi
		cat "$out"
		ended_by_clock || exit 1
		echo "fuzz: nothing found in $f; its time ended while a worker was busy (golang/go#75804)"
	done
done
