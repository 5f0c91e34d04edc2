#!/bin/sh
# Makes the user, and has systemd read the unit.
set -e
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers gzeek.conf
elif ! getent passwd gzeek >/dev/null; then
	useradd --system --user-group --home-dir /var/log/gzeek --shell /usr/sbin/nologin gzeek
fi
chown gzeek:gzeek /var/log/gzeek
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# After an upgrade, what ran goes on with the new program.
	systemctl try-restart 'gzeek@*.service'
fi
