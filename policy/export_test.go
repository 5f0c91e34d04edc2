package policy

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
