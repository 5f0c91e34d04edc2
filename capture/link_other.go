//go:build !linux

package capture

// linkState looks at nothing: reading fails where an interface does.
type linkState struct{}

func (l *linkState) watch(string) {}

func (l *linkState) problem() string { return "" }

func (l *linkState) close() {}
