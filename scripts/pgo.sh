#!/bin/sh
# Writes cmd/gzeek/default.pgo, by which the go tool optimizes every gzeek: where
# a built gzeek spends its time on generated captures. pgo.sh GZEEK. A gzeek that
# was itself built by a profile serves as well as one that was not.
set -eu
gzeek=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
go=${GO:-go}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

cd "$root"
"$go" build -o "$tmp/bench" ./scripts/bench
cd "$tmp"
# PROFILE SIZE RUNS: ordinary mail counts most, and what stresses one part is
# there so that the part is not forgotten.
while read -r profile size runs; do
	"$tmp/bench" -gen "$profile" -size "$size" -o in.pcap 2>/dev/null
	while [ "$runs" -gt 0 ]; do
		"$gzeek" -r in.pcap --workers 1 --cpuprofile "$profile-$runs.prof" 2>/dev/null
		runs=$((runs - 1))
	done
done <<END
main 325MB 8
small 60MB 2
conns 60MB 2
faults 60MB 2
bigheader 60MB 3
rcpts 60MB 3
END
"$go" tool pprof -proto ./*.prof >"$tmp/all.pgo" 2>/dev/null
mv "$tmp/all.pgo" "$root/cmd/gzeek/default.pgo"
ls -l "$root/cmd/gzeek/default.pgo"
