// Package privilege makes the process an ordinary one: once an interface is
// open, nothing that gzeek does needs more than to write its logs.
package privilege

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"
)

// User is who the process becomes.
type User struct {
	Name     string
	UID, GID int
	Groups   []int // supplementary ones
}

// Lookup reads NAME[:GROUP]; both may be numbers. With a group, that is the only
// one; without, the groups are those that the user is in.
func Lookup(spec string) (*User, error) {
	name, group, hasGroup := strings.Cut(spec, ":")
	if name == "" || hasGroup && group == "" {
		return nil, fmt.Errorf("--user %s: write NAME or NAME:GROUP", spec)
	}
	u := &User{Name: name}
	var known *user.User
	number := name
	if numeric(name) {
		known, _ = user.LookupId(name) // a number needs no name
	} else {
		var err error
		if known, err = user.Lookup(name); err != nil {
			return nil, fmt.Errorf("--user %s: no user %q: make it with useradd --system %s", spec, name, name)
		}
		number = known.Uid
	}
	var err error
	if u.UID, err = id(number); err != nil {
		return nil, fmt.Errorf("--user %s: %w", spec, err)
	}
	if u.UID == 0 {
		return nil, fmt.Errorf("--user %s: that is root, who keeps every privilege: name another user", spec)
	}
	if hasGroup {
		gid, err := groupID(group)
		if err != nil {
			return nil, fmt.Errorf("--user %s: %w", spec, err)
		}
		u.GID, u.Groups = gid, []int{gid}
		return u, nil
	}
	if known == nil {
		return nil, fmt.Errorf("--user %s: no user has the number %s, so its group isn't known: write %s:GROUP", spec, name, name)
	}
	gid, err := id(known.Gid)
	if err != nil {
		return nil, fmt.Errorf("--user %s: %w", spec, err)
	}
	u.GID = gid
	groups, err := known.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("--user %s: its groups: %w", spec, err)
	}
	for _, g := range groups {
		gid, err := id(g)
		if err != nil {
			return nil, fmt.Errorf("--user %s: %w", spec, err)
		}
		u.Groups = append(u.Groups, gid)
	}
	return u, nil
}

func groupID(group string) (int, error) {
	if numeric(group) {
		return id(group)
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, fmt.Errorf("no group %q", group)
	}
	return id(g.Gid)
}

func numeric(s string) bool { return strings.Trim(s, "0123456789") == "" }

// id reads the number of a user or a group. The highest means "leave as it is"
// to the kernel.
func id(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is no number of a user or group", s)
	}
	if n == 1<<32-1 {
		return 0, errors.New("4294967295 is no user and no group")
	}
	return int(n), nil
}
