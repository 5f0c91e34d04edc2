// Package redef knows every option by its Zeek name, type, default and doc, and
// sets it: from TOML files, from the command line, from code, and again while
// running.
//
// Declaring. A Registry belongs to one run; there is no global state. Packages
// declare their options on it and keep the typed handle:
//
//	type SMTP struct {
//		validate *redef.Bool
//		ports    *redef.PortSet
//		idle     *redef.Interval // seconds
//	}
//
//	func load(reg *redef.Registry) *SMTP {
//		return &SMTP{
//			validate: reg.Bool("SMTP::mail_transaction_validation", true, "raise a weird for RCPT and DATA out of order"),
//			ports:    reg.PortSet("SMTP::ports", []redef.Port{redef.TCP(25)}, "where SMTP is expected"),
//			idle:     reg.Interval("tcp_inactivity_timeout", 300, "seconds without a packet that end a TCP connection"),
//		}
//	}
//
// and read them with Get (or Has, Lookup). A handle may be read from its
// declaration on (it gives the default), from any goroutine; it changes in Apply
// and Reload, which are called when nobody reads: before the first packet, or
// between two packets with the workers idle. What is derived from an option is
// rebuilt in OnChange.
//
// An option may be declared by several packages, if they agree on its type: they
// share the handle, and the first default counts. Whether it may change while
// running follows from Zeek's list (`option` there, not `redef`); Live says so
// for the rest.
//
// Setting. LoadFiles reads the TOML files, whose `load` list the caller needs
// first; when all policies have declared their options, Apply sets what files and
// command line say, in this order. It reports everything that is wrong at once,
// with the place and the nearest valid name, and then changes nothing.
//
// Values are written as in Zeek scripts: T, 10min, 25/tcp, {10.0.0.0/8,
// [2001:db8::]/32}, /spam.*/i. TOML files may use TOML's own forms as well.
//
// It isn't an interpreter: of Zeek's expressions it takes constants, arithmetic
// and the names of other options.
//
// Source in Zeek: scan.l (constants, command-line parameters), ID.cc (SetVal:
// what += and -= apply to), Val.cc (printing).
package redef
