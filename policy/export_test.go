package policy

import "strings"

// Refuses registers p and takes back what Register has noted about it.
func Refuses(p Policy) error {
	Register(p)
	registryMu.Lock()
	defer registryMu.Unlock()
	if len(refused) == 0 {
		return nil
	}
	err := refused[len(refused)-1]
	refused = refused[:len(refused)-1]
	return err
}

// Forget takes policies out of the registry, by how their names begin, so that a
// test may run again.
func Forget(prefix string) {
	registryMu.Lock()
	defer registryMu.Unlock()
	for name := range registry {
		if strings.HasPrefix(name, prefix) {
			delete(registry, name)
		}
	}
}
