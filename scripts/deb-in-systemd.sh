#!/bin/sh
# Installs a Debian package of gzeek into a fresh Debian, boots that with systemd
# in a container, and looks whether the unit does what docs/live.md says:
# deb-in-systemd.sh gzeek_VERSION_ARCH.deb. It needs root, debootstrap and
# systemd-container, and some minutes; the network of the container is its own.
set -eu
deb=$(realpath "$1")
work=$(mktemp -d /tmp/gzeek-systemd.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/root
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2 stable "$root" >/dev/null
cp "$deb" "$root/root/gzeek.deb"
cat >"$root/root/check.sh" <<'CHECK'
#!/bin/sh
# Inside: the last line of the report says whether all of it is so.
set -eux
want() { # want SECONDS COMMAND...: it becomes true in that time
	left=$1
	shift
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ]
		sleep 1
	done
}
not() { if "$@"; then return 1; fi; } # sh -e looks away from !
is() { [ "$(systemctl show -p "$1" --value gzeek@tap1)" = "$2" ]; }
tap() { ip link add tap1 type veth peer name mx1 && ip link set tap1 up && ip link set mx1 up; }
dpkg -i /root/gzeek.deb
[ "$(stat -c %U:%G:%a /var/log/gzeek)" = gzeek:gzeek:750 ]
not systemctl is-enabled gzeek@tap1
tap
systemctl enable --now gzeek@tap1
pid=$(systemctl show -p MainPID --value gzeek@tap1)
[ "$(stat -c %U "/proc/$pid")" = gzeek ]
grep -q '^CapEff:.0*$' "/proc/$pid/status"
grep -q '^Seccomp:.2$' "/proc/$pid/status"
gzeek status --control /run/gzeek/tap1/control.sock
systemctl reload gzeek@tap1
# One that was deleted needs privileges again: systemd starts gzeek until it is there.
ip link del tap1
want 30 is SubState auto-restart
tap
want 60 is SubState running
# What hangs is ended, and started again.
mkdir -p /etc/systemd/system/gzeek@.service.d
printf '[Service]\nWatchdogSec=3\nTimeoutAbortSec=3\n' >/etc/systemd/system/gzeek@.service.d/short.conf
systemctl daemon-reload
systemctl restart gzeek@tap1
kill -STOP "$(systemctl show -p MainPID --value gzeek@tap1)"
want 60 is NRestarts 1
want 60 is SubState running
# An upgrade keeps what was changed, and has units go on with the new program.
echo '# mine' >>/etc/gzeek/gzeek.toml
pid=$(systemctl show -p MainPID --value gzeek@tap1)
dpkg -i /root/gzeek.deb
grep -q '^# mine' /etc/gzeek/gzeek.toml
want 60 is SubState running
not is MainPID "$pid"
systemctl stop gzeek@tap1
grep -h '^#close' /var/log/gzeek/tap1/*.log
systemctl start gzeek@tap1
dpkg -r gzeek
is ActiveState inactive
[ -e /etc/gzeek/gzeek.toml ]
dpkg -P gzeek
not [ -e /etc/gzeek ]
not [ -L /etc/systemd/system/multi-user.target.wants/gzeek@tap1.service ]
[ -d /var/log/gzeek/tap1 ]
echo all is so
CHECK
cat >"$root/etc/systemd/system/check.service" <<'UNIT'
[Unit]
After=dbus.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sh /root/check.sh >/root/report 2>&1; systemctl --no-block poweroff'
TimeoutStartSec=15min
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../check.service "$root/etc/systemd/system/multi-user.target.wants/check.service"
timeout 1200 systemd-nspawn -D "$root" -b --register=no --keep-unit --private-network --console=pipe </dev/null >"$work/console" 2>&1 || cat "$work/console"
cat "$root/root/report"
[ "$(tail -n 1 "$root/root/report")" = "all is so" ]
