package capture

import (
	"strings"

	"golang.org/x/sys/unix"
)

// linkState looks at an interface's link, netdevice(7). It needs no privileges.
type linkState struct {
	iface string // "" for what is no interface, like libpcap's any
	fd    int
}

func (l *linkState) watch(name string) {
	l.iface = strings.TrimPrefix(name, afPacketPrefix)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		l.iface = ""
		return
	}
	l.fd = fd
	if _, ok := l.flags(); !ok {
		l.close()
	}
}

func (l *linkState) flags() (uint16, bool) {
	ifr, err := unix.NewIfreq(l.iface)
	if err != nil {
		return 0, false
	}
	if err := unix.IoctlIfreq(l.fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return 0, false
	}
	return ifr.Uint16(), true
}

// problem says why nothing comes from the link, "" if it is up.
func (l *linkState) problem() string {
	if l.iface == "" {
		return ""
	}
	flags, ok := l.flags()
	switch {
	case !ok:
		return "the interface is gone"
	case flags&unix.IFF_UP == 0:
		return "the interface is down"
	case flags&unix.IFF_RUNNING == 0:
		return "its link is down (no carrier)"
	}
	return ""
}

func (l *linkState) close() {
	if l.iface != "" {
		unix.Close(l.fd)
		l.iface = ""
	}
}
