#!/bin/sh
# Forgets enabled units when the package goes for good. Logs stay, as they may be
# evidence, and so does the user that they belong to.
set -e
case "${1:-}" in
purge | 0) ;; # dpkg says "purge", rpm how many are left
*) exit 0 ;;
esac
find /etc/systemd/system -path '*.wants/gzeek@*.service' -type l -delete 2>/dev/null || true
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
