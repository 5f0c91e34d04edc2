// Package control is how one asks a running gzeek about itself, and has it read
// its options anew: HTTP with JSON over a unix socket.
//
//	GET /status     a Status
//	POST /reload    a Reload
//
// so that curl --unix-socket PATH http://gzeek/status works as well as
// `gzeek status`. Who may open the socket may do both; the mode of the socket is
// the whole of its protection.
//
// A [Server] never touches what belongs to the run: it calls functions that hand
// the request to the run's goroutine (engine.Engine.Do).
package control

import "time"

// Status is the answer to GET /status.
type Status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Uptime  float64   `json:"uptime"` // seconds
	// Age is how many seconds old the counters are: 0 unless the run didn't
	// answer, and then Problem says why.
	Age     float64 `json:"age"`
	Problem string  `json:"problem,omitempty"`

	Sources     []string    `json:"sources"` // interfaces, files
	Interfaces  []Interface `json:"interfaces,omitempty"`
	NetworkTime *time.Time  `json:"network_time,omitempty"` // of the last packet
	Packets     Packets     `json:"packets"`
	Connections Connections `json:"connections"`
	Files       Counts      `json:"files"`
	Memory      Memory      `json:"memory"`
	// HandlerErrors are errors of policies while running; reporter.log has them.
	HandlerErrors uint64   `json:"handler_errors"`
	Logs          []Log    `json:"logs"`
	Policies      []string `json:"policies"`
	Config        Config   `json:"config"`
	Reload        *Reload  `json:"reload,omitempty"` // the last one
}

// Packets counts packets since the start.
type Packets struct {
	Received    uint64 `json:"received"`
	Bytes       uint64 `json:"bytes"`
	Link        uint64 `json:"link"`    // seen by the kernel, lost ones too
	Dropped     uint64 `json:"dropped"` // lost by the kernel
	Filtered    uint64 `json:"filtered"`
	Unwritten   uint64 `json:"unwritten,omitempty"` // to the file of -w
	Undecodable uint64 `json:"undecodable"`         // lost by an error of gzeek
}

// Interface is how one of the interfaces is doing.
type Interface struct {
	Name string `json:"name"`
	// Problem says why it isn't read now; Since is when that began, or when the
	// reading did.
	Problem  string    `json:"problem,omitempty"`
	Since    time.Time `json:"since"`
	Failures uint64    `json:"failures"` // how often it could not be read
	Unread   float64   `json:"unread"`   // for how many seconds, all together
	Link     uint64    `json:"link"`
	Dropped  uint64    `json:"dropped"`
}

// Counts are of things that begin and end.
type Counts struct {
	Open  int    `json:"open"`
	Max   int    `json:"max"` // most at any time
	Total uint64 `json:"total"`
}

// Connections are those of the connection table.
type Connections = Counts

// Memory is in octets.
type Memory struct {
	Resident uint64 `json:"resident"` // 0 where the system doesn't say
	Heap     uint64 `json:"heap"`
}

// Log counts the lines of a log since the start, whatever file they are in now.
type Log struct {
	Path      string `json:"path"`
	Stream    string `json:"stream"`
	Filter    string `json:"filter"`
	Writer    string `json:"writer"`
	Lines     uint64 `json:"lines"`
	Discarded uint64 `json:"discarded,omitempty"`
	Failed    bool   `json:"failed,omitempty"`
}

// Config is where the configuration is from.
type Config struct {
	Files []string `json:"files"`
	Args  []string `json:"args"` // policies and settings of the command line
}

// Reload is the answer to POST /reload.
type Reload struct {
	At time.Time `json:"at"`
	// Error says what is wrong with the configuration: all of it, a line each.
	// Nothing has changed then.
	Error   string   `json:"error,omitempty"`
	Changed []Change `json:"changed"`
	Refused []Change `json:"refused"` // they wait for a restart
}

// Change is an option that is set differently.
type Change struct {
	Option string `json:"option"`
	Old    string `json:"old"`
	New    string `json:"new"`
	Place  string `json:"place"`
	Why    string `json:"why,omitempty"` // it was refused
}
