#!/bin/sh
# Stops the units when the package goes, not when it is upgraded.
set -e
case "${1:-}" in
upgrade | 1) exit 0 ;; # dpkg says "upgrade", rpm how many are left
esac
if [ -d /run/systemd/system ]; then
	systemctl stop 'gzeek@*.service'
fi
