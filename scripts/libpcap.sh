#!/bin/sh
# check:   prints the build tag "libpcap" if its headers and a C compiler are there.
# install: installs the headers on Debian and Ubuntu where that is allowed.
set -u
have() {
	command -v "${CC:-cc}" >/dev/null 2>&1 &&
		printf '#include <pcap.h>\n' | "${CC:-cc}" -E -x c - >/dev/null 2>&1
}
case "${1:-check}" in
check)
	if have; then echo libpcap; fi
	;;
install)
	have && exit 0
	sudo=""
	if [ "$(id -u)" != 0 ]; then
		if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo=no; fi
	fi
	if [ "$sudo" != no ] && command -v apt-get >/dev/null 2>&1; then
		{ $sudo apt-get update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libpcap-dev gcc libc6-dev; } >/dev/null 2>&1
	fi
	have || echo "gzeek: no libpcap headers (Debian: apt-get install libpcap-dev): building in pure Go, which reads files but captures only through AF_PACKET." >&2
	exit 0
	;;
esac
