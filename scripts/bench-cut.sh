#!/bin/sh
# Times gzeek cut beside the tools that do as much with a log, on a smtp.log of
# 1 GB made of the rows that Zeek wrote for testdata/baselines: bench-cut.sh
# GZEEK [MB]. Needs bash for its clock; bro-cut takes part if it is there.
set -eu
gzeek=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
mb=${2:-1000}
cd "$(dirname -- "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C # the others are slower with characters of many bytes

header=$tmp/header
sed -n '/^#close/d;/^#/p' testdata/baselines/R-postfix-several-mails/default/smtp.log >"$header"
fields=$(grep '^#fields' "$header")
# Only of logs with these very columns.
for log in testdata/baselines/*/default/smtp.log; do
	if grep -qxF "$fields" "$log"; then grep -v '^#' "$log"; fi
done >"$tmp/rows"
# Parts of some MB make the rest quick.
while [ "$(wc -c <"$tmp/rows")" -lt 5000000 ]; do
	cat "$tmp/rows" "$tmp/rows" >"$tmp/part"
	mv "$tmp/part" "$tmp/rows"
done
n=$((mb * 1000000 / $(wc -c <"$tmp/rows") + 1))
{
	cat "$header"
	while [ $n -gt 0 ]; do cat "$tmp/rows" && n=$((n - 1)); done
} >"$tmp/smtp.log"
bytes=$(wc -c <"$tmp/smtp.log")
skip=$(($(wc -l <"$header") + 1)) # cut prints header lines as well

# tool NAME RUNNER: hands the command to output or clock.
tool() {
	names="ts uid id.orig_h mailfrom last_reply"
	# shellcheck disable=SC2086 # words of their own
	case $1 in
	gzeek) "$2" "$gzeek" cut $names ;;
	awk) "$2" awk -F '\t' -v OFS='\t' '!/^#/ { print $1, $2, $3, $9, $22 }' ;;
	cut) "$2" cut -f 1,2,3,9,22 ;;
	bro-cut) "$2" bro-cut $names ;;
	esac
}
output() { "$@" <"$tmp/smtp.log"; }
clock() { bash -c 'TIMEFORMAT="%R %U %S"; time "$@" <"$0" >/dev/null' "$tmp/smtp.log" "$@"; }
tools="gzeek awk cut"
if command -v bro-cut >/dev/null; then tools="$tools bro-cut"; fi

# What they print has to be the same; this also fills the page cache.
tool gzeek output >"$tmp/want"
for name in $tools; do
	from=1
	[ "$name" = cut ] && from=$skip
	tool "$name" output | tail -n "+$from" | cmp - "$tmp/want" || { echo "bench-cut: $name prints something else" >&2; exit 1; }
done

# The best of three, one after the other, as other work on the machine only
# makes them slower.
for _ in 1 2 3; do
	for name in $tools; do echo "$name $(tool "$name" clock 2>&1)"; done
done | awk -v bytes="$bytes" -v lines="$(wc -l <"$tmp/smtp.log")" '
	!($1 in wall) { order[++n] = $1 }
	!($1 in wall) || $2 < wall[$1] { wall[$1] = $2; cpu[$1] = $3 + $4 }
	END {
		printf "%.0f MB, %d lines, 5 of 26 columns\n", bytes / 1e6, lines
		printf "%-10s %8s %8s %8s\n", "", "wall s", "cpu s", "MB/s"
		for (i = 1; i <= n; i++) {
			name = order[i]
			printf "%-10s %8.2f %8.2f %8.0f\n", name == "gzeek" ? "gzeek cut" : name, wall[name], cpu[name], bytes / 1e6 / wall[name]
		}
	}'
