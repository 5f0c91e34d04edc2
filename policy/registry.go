package policy

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// APIVersion is the version of the API that policies are written on: this
// package, and what it hands out of event, notice, redef and zeeklog. It
// changes when a policy that was right before would not compile any more, or
// would act differently.
const APIVersion = 1

// The registry is filled by init functions and read afterwards; it is the one
// place that is shared by all runs of a process.
var (
	registryMu sync.RWMutex
	registry   = map[string]Policy{}
	refused    []error
)

// Register makes a policy available under its name. It is called from init, and
// panics if the policy has no name or no Load. A name that is taken, or an API
// version that this gzeek doesn't have, is told by Problems.
func Register(p Policy) {
	if p.Load == nil || p.Name == "" {
		panic("policy.Register: a policy needs a name and a Load function")
	}
	if p.pkg = callerPackage(); p.pkg == "" {
		p.pkg = "a package without a name"
	}
	registryMu.Lock()
	defer registryMu.Unlock()
	if other, taken := registry[p.Name]; taken {
		refused = append(refused, fmt.Errorf("policy %s is registered twice: by package %s and by package %s; a program can have only one of them",
			p.Name, other.pkg, p.pkg))
		return
	}
	if p.API != 0 && p.API != APIVersion {
		refused = append(refused, &APIError{Policy: p.Name, Package: p.pkg, API: p.API})
		return
	}
	registry[p.Name] = p
}

// An APIError says that a policy was written for another version of the API.
type APIError struct {
	Policy, Package string
	API             int
}

func (e *APIError) Error() string {
	fix := "take a newer version of the policy"
	if e.API > APIVersion {
		fix = "build it with a newer gzeek"
	}
	return fmt.Sprintf("policy %s (package %s) is written for version %d of the policy API, and this gzeek has version %d: %s",
		e.Policy, e.Package, e.API, APIVersion, fix)
}

// Problems tells what Register refused; nil is nothing. An engine doesn't start
// then.
func Problems() error {
	registryMu.RLock()
	defer registryMu.RUnlock()
	return errors.Join(refused...)
}

// callerPackage is the import path of the package that calls its caller.
func callerPackage() string {
	var pc [1]uintptr
	if runtime.Callers(3, pc[:]) == 0 {
		return ""
	}
	frame, _ := runtime.CallersFrames(pc[:]).Next()
	dir, last := "", frame.Function // "example.com/site/mail.init.0"
	if i := strings.LastIndexByte(last, '/'); i >= 0 {
		dir, last = last[:i+1], last[i+1:]
	}
	last, _, _ = strings.Cut(last, ".")
	// The linker writes a dot of a path's last element so.
	return dir + strings.ReplaceAll(last, "%2e", ".")
}

// All lists the registered policies by name.
func All() []Policy {
	registryMu.RLock()
	defer registryMu.RUnlock()
	all := make([]Policy, 0, len(registry))
	for _, p := range registry {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Policy) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Components lists the policies that are loaded in every run, by name.
func Components() []string {
	var names []string
	for _, p := range All() {
		if p.Component {
			names = append(names, p.Name)
		}
	}
	return names
}

// Find returns the policy of a name as users write it: a leading "policy/" or
// "./" and a trailing ".zeek" don't count.
func Find(name string) (Policy, bool) {
	registryMu.RLock()
	defer registryMu.RUnlock()
	p, ok := registry[CleanName(name)]
	return p, ok
}

// Required says whether a policy is among those of names or what they require.
func Required(name string, names []string) bool {
	seen := map[string]bool{}
	var within func(names []string) bool
	within = func(names []string) bool {
		for _, n := range names {
			p, ok := Find(n)
			if !ok || seen[p.Name] {
				continue
			}
			seen[p.Name] = true
			if p.Name == name || within(p.Requires) {
				return true
			}
		}
		return false
	}
	return within(names)
}

// packageOf is the package that has registered a policy, or the name if it is
// none: tests load some that aren't registered.
func packageOf(name string) string {
	if p, ok := Find(name); ok {
		return p.pkg
	}
	return name
}

// CleanName strips what Zeek accepts around a script's name.
func CleanName(name string) string {
	name = strings.TrimPrefix(name, "./")
	name = strings.TrimSuffix(name, ".zeek")
	return strings.TrimPrefix(name, "policy/")
}
