#!/bin/sh
# Compares gzeek cut with cut and awk on a conn.log of 1 GB (or of $2 MB), the
# same four columns: bench-cut.sh GZEEK [MB]. Prints MB/s of wall time and the
# seconds of processor time of each; all read from the page cache.
set -e
gzeek=${1:?usage: bench-cut.sh GZEEK [MB]}
mb=${2:-1000}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
awk 'BEGIN {
	OFS = "\t"
	print "#separator \\x09"; print "#set_separator", ","; print "#empty_field", "(empty)"; print "#unset_field", "-"; print "#path", "conn"
	print "#fields", "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes", "resp_bytes", "conn_state", "history"
	print "#types", "time", "string", "addr", "port", "addr", "port", "enum", "string", "interval", "count", "count", "string", "string"
	srand(1)
	for (i = 0; i < 100000; i++)
		printf "%d.%06d\tC%08x%06x\t10.%d.%d.%d\t%d\t192.0.2.%d\t25\ttcp\tsmtp\t%d.%06d\t%d\t%d\tSF\tShAdDaFf\n", 1700000000 + i, rand() * 1e6, rand() * 4e9, rand() * 1e7, rand() * 256, rand() * 256, rand() * 256, rand() * 65536, rand() * 256, rand() * 100, rand() * 1e6, rand() * 1e6, rand() * 1e5
}' >"$dir/part"
size=$(wc -c <"$dir/part")
n=$((mb * 1000000 / size + 1))
while [ $n -gt 0 ]; do cat "$dir/part"; n=$((n - 1)); done >"$dir/log"
bytes=$(wc -c <"$dir/log")
cat "$dir/log" >/dev/null
run() {
	name=$1
	shift
	start=$(date +%s%N)
	times=$( { bash -c 'TIMEFORMAT="%U %S"; time "$@" <"$0" >/dev/null' "$dir/log" "$@"; } 2>&1 )
	ns=$(($(date +%s%N) - start))
	echo "$times" | awk -v n="$name" -v b="$bytes" -v ns="$ns" '{ printf "%-10s %6.0f MB/s  %5.2f s of processor time\n", n, b / ns * 1000, $1 + $2 }'
}
run "gzeek cut" "$gzeek" cut ts uid id.orig_h conn_state
run "cut" cut -f1,2,3,12
run "awk" awk -F '\t' -v OFS='\t' '{ print $1, $2, $3, $12 }'
