#!/bin/sh
# Runs every fuzz target of the tree for a while: fuzz.sh [TIME, default 5s] [PACKAGE].
set -eu
time=${1:-5s}
pkgs=${2:-./...}
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# once runs one target. Go's own fuzzer sometimes reports its time being over as
# "context deadline exceeded" of the target (golang/go#48591: a worker that was
# at work when the time ran out). That is no finding: a finding names its input.
once() {
	if go test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "$time" >"$out" 2>&1; then
		cat "$out"
		return 0
	fi
	cat "$out"
	grep -q 'context deadline exceeded' "$out" || return 1
	! grep -Eq 'Failing input written|panic:|minimizing' "$out" || return 1
	echo "fuzz: $2 ended by the fuzzer's own clock, again"
	return 2
}

for pkg in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "$pkgs"); do
	for f in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		echo "fuzz $pkg $f for $time"
		tries=3
		while :; do
			rc=0
			once "$pkg" "$f" || rc=$?
			[ "$rc" = 2 ] && [ "$tries" -gt 1 ] || break
			tries=$((tries - 1))
		done
		[ "$rc" = 0 ] || exit 1
	done
done
