// Package sitebuild builds a gzeek with more policies, log writers or analyzers:
// it writes a module whose main imports them beside gzeek's command, and has the
// go tool build it. It knows nothing of what gzeek does, only where its source
// is and how it is called.
package sitebuild
