#!/bin/sh
# Runs gzeek on a bundled capture and shows what it wrote.
set -eu
gzeek=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
out=${DEMO_DIR:-$(mktemp -d)}
cd "$out"
"$gzeek" -r "$root/testdata/baselines/block-several-in-session/input.pcap" protocols/smtp/blocklists
for log in smtp notice conn; do
	echo "== $out/$log.log"
	cat "$log.log"
	echo
done
echo "== the same in short (gzeek cut uid mailfrom rcptto last_reply < smtp.log)"
"$gzeek" cut uid mailfrom rcptto last_reply <smtp.log
