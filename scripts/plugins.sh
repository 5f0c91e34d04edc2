#!/bin/sh
# Builds gzeek in a clean clone, and with it one gzeek that has the examples and
# the plugins; runs what the READMEs of the examples say and compares the logs
# with what stands there. Tests the plugins that are modules of their own.
# It needs no network once the modules are in Go's cache.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Where git can't clone (no repository, or that of another user), a copy will do.
if ! git clone -q --no-hardlinks "$root" "$work/clone"; then
	mkdir -p "$work/clone"
	(cd "$root" && tar -cf - --exclude=./.git --exclude=./bin --exclude=./dist .) | tar -xf - -C "$work/clone"
fi
cd "$work/clone"
# By gzeek's profile everything would be compiled once more, for no other behaviour.
export GOFLAGS="${GOFLAGS:-} -pgo=off"
for module in plugins/*/go.mod; do
	# -mod=mod, in the clone: gzeek's own requirements may have moved on.
	(cd "$(dirname "$module")" && export GOFLAGS="$GOFLAGS -mod=mod" && go vet ./... && go test ./...)
done

go build -o bin/gzeek ./cmd/gzeek
bin/gzeek build -o bin/gzeek-site \
	--with ./examples/alignment --with ./examples/attachments --with ./examples/senderrate \
	--with ./plugins/entropy --with ./plugins/sqlite --with ./plugins/nats
bin/gzeek-site version

for readme in examples/*/README.md; do
	echo "plugins: $readme"
	mkdir "$work/run"
	# The first block of shell is the run, the first one without a language what
	# it prints.
	awk '/^```sh$/ { on = 1; next } /^```$/ { if (on) exit } on' "$readme" >"$work/command"
	awk '/^```text$/ { on = 1; next } /^```$/ { if (on) exit } on' "$readme" >"$work/want"
	(cd "$work/run" && PATH="$work/clone/bin:$PATH" GZEEK="$work/clone" sh -eu "$work/command") >"$work/got"
	diff "$work/want" "$work/got"
	rm -r "$work/run"
done

cd "$work"
"$work/clone/bin/gzeek-site" -r "$root/testdata/baselines/R-postfix-several-mails/input.pcap" Log::default_writer=Log::WRITER_SQLITE
if command -v python3 >/dev/null; then
	# Another SQLite than the one that has written.
	python3 -c 'import sqlite3; n = sqlite3.connect("smtp.sqlite").execute("select count(*) from smtp").fetchone()[0]; assert n == 3, n'
fi
echo "plugins: all as the READMEs say"
