package privilege

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// Drop makes the process run as u, for good: no thread of it has a capability
// then, nor can get one by running a program (capabilities(7), prctl(2)
// PR_SET_NO_NEW_PRIVS). With nil it stays who it is and gives up capabilities
// alone. It fails rather than leave something behind.
func Drop(u *User) error {
	// The bounding set takes CAP_SETPCAP, so it comes first, and only where that
	// is there; without it the other sets decide.
	if set := cap.GetProc(); set != nil {
		if may, err := set.GetFlag(cap.Effective, cap.SETPCAP); err == nil && may {
			if err := dropBound(); err != nil {
				return fmt.Errorf("dropping the bounding set: %w", err)
			}
		}
	}
	if err := cap.ResetAmbient(); err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: a kernel before 4.3
		return fmt.Errorf("dropping ambient capabilities: %w", err)
	}
	if u != nil {
		// These three change every thread (os/signal and cgo's as well).
		if err := syscall.Setgroups(u.Groups); err != nil {
			return refused(u, "setgroups", err)
		}
		if err := syscall.Setgid(u.GID); err != nil {
			return refused(u, "setgid", err)
		}
		if err := syscall.Setuid(u.UID); err != nil {
			return refused(u, "setuid", err)
		}
	}
	if err := cap.NewSet().SetProc(); err != nil {
		return fmt.Errorf("dropping capabilities: %w", err)
	}
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	return verify(u)
}

func refused(u *User, call string, err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("can't become %s: only root may: start gzeek as root, or leave out --user", u.Name)
	}
	return fmt.Errorf("can't become %s: %w", u.Name, os.NewSyscallError(call, err))
}

func dropBound() error {
	for v := range cap.MaxBits() {
		if in, err := cap.GetBound(v); err != nil || !in {
			continue
		}
		if err := cap.DropBound(v); err != nil {
			return fmt.Errorf("%v: %w", v, err)
		}
	}
	return nil
}

// verify looks at what the kernel says of each thread.
func verify(u *User) error {
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(tasks) == 0 {
		return errors.New("can't verify that privileges are gone: /proc isn't there")
	}
	for _, t := range tasks {
		st, err := Status(t)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return err
		}
		if err := st.check(u); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	return nil
}

// ThreadStatus is what /proc says of a thread: fields by name.
type ThreadStatus map[string]string

// Status reads a file /proc/PID/status or /proc/PID/task/TID/status.
func Status(name string) (ThreadStatus, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st := ThreadStatus{}
	for sc := bufio.NewScanner(f); ; {
		if !sc.Scan() {
			return st, sc.Err()
		}
		if k, v, ok := strings.Cut(sc.Text(), ":"); ok {
			st[k] = strings.TrimSpace(v)
		}
	}
}

// capabilitySets are those that must be empty when privileges are gone.
var capabilitySets = []string{"CapInh", "CapPrm", "CapEff", "CapAmb"}

func (st ThreadStatus) check(u *User) error {
	for _, c := range capabilitySets {
		if v, ok := st[c]; ok && strings.Trim(v, "0") != "" {
			return fmt.Errorf("privileges are still there: %s is %s", c, v)
		}
	}
	if u == nil {
		return nil
	}
	for field, want := range map[string]int{"Uid": u.UID, "Gid": u.GID} {
		for _, have := range strings.Fields(st[field]) { // real, effective, saved, file system
			if have != fmt.Sprint(want) {
				return fmt.Errorf("privileges are still there: %s is %s", field, st[field])
			}
		}
	}
	return nil
}
