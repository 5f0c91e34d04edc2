#!/bin/sh
# Feeds gzeek's logs to programs that were written for Zeek's, or that Zeek's
# users read them with: consumers.sh GZEEK. Installs them where it may.
#
# What a program finds in gzeek's logs has to be what it finds in Zeek's logs of
# the same capture, which lie in testdata/baselines, and what gzeek's own
# commands say. Programs that can't be installed are held to by
# zeeklog/consumers_test.go.
set -eu
gzeek=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
cd "$tmp"
unset BRO_CUT_TIMEFMT ZEEK_CUT_TIMEFMT # both would change what cut prints
export LC_ALL=C
tab=$(printf '\t')
checks=0 failed=0 skipped=""

sudo=""
if [ "$(id -u)" != 0 ]; then
	if sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo=no; fi
fi

# apt PACKAGE: tries to install it, with the lists as they are and then anew.
apt() {
	[ "$sudo" != no ] && command -v apt-get >/dev/null || return 1
	apt_install="$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
	$apt_install "$1" >/dev/null 2>&1 || { $sudo apt-get update && $apt_install "$1"; } >/dev/null 2>&1
}

# have COMMAND PACKAGE...: is it there, if need be from one of the packages?
have() {
	name=$1
	command -v "$name" >/dev/null && return
	shift
	for package; do
		apt "$package" && command -v "$name" >/dev/null && return
	done
	echo "skipped: $name is not installed and can't be"
	skipped="$skipped $name"
	return 1
}

# same WHAT WANT GOT: two files have to be equal and not empty.
same() {
	checks=$((checks + 1))
	if [ ! -s "$2" ]; then
		echo "FAILED: $1: nothing to compare"
	elif ! diff -u "$2" "$3" >difference; then
		echo "FAILED: $1"
		cat difference
	else
		return 0
	fi
	failed=$((failed + 1))
}

# logs FUNCTION: calls it for all logs, with $log for text, $json for JSON and
# $zeek for Zeek's.
logs() {
	for case in R-postfix-several-mails block-several-in-session dialog-bad-utf8; do
		for zeek in "$root/testdata/baselines/$case"/default/*.log; do
			kind=$(basename "$zeek")
			what=$case/$kind log=$case/text/$kind json=$case/json/$kind
			"$1"
		done
	done
}

run() {
	mkdir -p "$case/$1"
	(cd "$case/$1" && "$gzeek" -G "$root/testdata/baselines/random.seed" -r "$root/testdata/baselines/$case/input.pcap" \
		protocols/smtp/blocklists protocols/smtp/detect-suspicious-orig LogAscii::use_json="$2")
}

there() {
	[ -d "$case" ] || { run text F && run json T; }
	sed '/^#open/d;/^#close/d' "$zeek" >want
	sed '/^#open/d;/^#close/d' "$log" >got
	same "$what: gzeek's log, Zeek's" want got
}

# The arguments of one call each; columns that aren't there are empty. -U %s is
# left out: outside UTC, C's %s is wrong for times in UTC, and gzeek's right.
cut_calls='
ts uid
uid id.orig_h nosuch ts
-c uid ts
-C uid
-C -n ts uid
-n id.orig_p
-d ts
-c -u ts uid
-D %A-%d-%B-%j ts uid
-D %s ts
-U %d/%H/%M ts uid
-F | ts uid id.resp_p
-c -F , ts uid'

with_cut() {
	cat "$log" "$log" >twice # more than one block of header lines
	printf '%s\n' "$cut_calls" >calls
	while read -r call; do
		for zone in UTC America/New_York; do
			for input in "$log" twice; do
				# shellcheck disable=SC2086 # words of their own
				TZ=$zone $cut $call <"$input" >want 2>&1 || echo "exit $?" >>want
				# shellcheck disable=SC2086
				TZ=$zone "$gzeek" cut $call <"$input" >got 2>&1 || echo "exit $?" >>got
				same "$what: gzeek cut $call, as $cut (TZ=$zone, $input)" want got
			done
		done
	done <calls
	$cut <"$zeek" >want
	$cut <"$log" >got
	same "$what: $cut on gzeek's log, on Zeek's" want got
}

# Makes a row of a text log of a JSON record, for one without commas in sets.
to_text='
def text($kind):
	if . == null then "-"
	elif type == "array" then if . == [] then "(empty)" else map(tostring) | join(",") end
	elif type == "boolean" then if . then "T" else "F" end
	elif $kind == "time" or $kind == "interval" then
		(. * 1000000 | round) as $us | "\($us / 1000000 | floor).\(1000000 + $us % 1000000 | tostring[1:])"
	elif . == "" then "(empty)"
	else tostring end;
. as $row | [$names / "\t", $types / "\t"] | transpose | map(. as [$name, $type] | $row[$name] | text($type)) | join("\t")'

with_jq() {
	jq -c .uid "$json" >got
	"$gzeek" cut uid <"$log" | sed 's/.*/"&"/' >want
	same "$what: uids in JSON by jq, in text" want got
	jq -r --arg names "$(sed -n "s/^#fields$tab//p" "$zeek")" --arg types "$(sed -n "s/^#types$tab//p" "$zeek")" "$to_text" "$json" >got
	grep -v '^#' "$zeek" >want
	same "$what: rows of JSON by jq, of Zeek's text log" want got
	# No name may stand in JSON that the text log has not.
	jq -r 'keys_unsorted[]' "$json" | sort -u >names
	{ sed -n "s/^#fields$tab//p" "$log" | tr '\t' '\n' | sort; } >columns
	comm -12 names columns >got
	same "$what: names in JSON by jq, columns" names got
}

with_mlr() {
	columns=uid,id.orig_h,id.resp_p
	[ "$kind" = smtp.log ] && columns=$columns,trans_depth,helo,mailfrom,tls,last_reply
	# shellcheck disable=SC2046 # words of their own
	"$gzeek" cut $(echo $columns | tr , ' ') <"$log" >want
	# Miller takes the first line for the names, and writes a backslash in TSV
	# as two: so the header of cut -m in, and no TSV out.
	"$gzeek" cut -m <"$log" | mlr --itsv --onidx --ofs tab cut -o -f $columns >got
	same "$what: columns of text by Miller, by gzeek cut" want got
	mlr --ijsonl --onidx --ofs tab template -f $columns --fill-with - then cut -o -f $columns \
		then put 'is_boolean($tls) {$tls = $tls ? "T" : "F"}' "$json" >got
	same "$what: columns of JSON by Miller, of text by gzeek cut" want got
	mlr --itsv --onidx --ofs tab --implicit-tsv-header --skip-comments cat "$log" >got
	grep -v '^#' "$zeek" >want
	same "$what: rows by Miller without comments, Zeek's" want got
}

logs there
for command in bro-cut zeek-cut; do # the same program, which was renamed
	if command -v $command >/dev/null; then cut=$command; fi
done
if [ -n "${cut:-}" ] || { have bro-cut bro-aux && cut=bro-cut; }; then logs with_cut; fi
if have jq jq; then logs with_jq; fi
if have mlr miller; then logs with_mlr; fi

# The project's own suite, by the program that gzeek btest stands in for.
# suite NAME COMMAND...: runs it in a copy, the tests' results go to NAME.
suite() {
	to=$1
	shift
	rm -rf suite
	mkdir suite
	(cd "$root/btest" && cp -R btest.cfg random.seed Baseline scripts smtp tools traces "$tmp/suite")
	(cd suite && "$@" -d >"../$to.output" 2>&1) || true
	grep '^[^ ]* \.\.\. [a-z]' "$to.output" | sort >"$to" || true
}

if have btest btest; then
	suite by-gzeek "$gzeek" btest
	mkdir bin
	for name in gzeek zeek zeek-cut; do ln -s "$gzeek" bin/$name; done
	PATH=$tmp/bin:$PATH
	suite by-btest btest
	same "gzeek btest, Debian's btest" by-btest by-gzeek
	sed 's/ \.\.\. failed.*/ ... ok/' by-btest >want
	same "tests by Debian's btest" want by-btest
	cmp -s want by-btest || cat by-btest.output
fi

echo "consumers: $checks comparisons, $failed failed; skipped:${skipped:- nothing}"
[ "$failed" = 0 ]
