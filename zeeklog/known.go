package zeeklog

import "strings"

// knownColumns are the types of columns in Zeek's logs whose JSON form doesn't
// show them: times, intervals, addresses, ports, sets, enums. A name that has
// different types in different logs is left out.
const knownColumns = `
time ts
interval duration suppress_for
addr id.orig_h id.resp_h src dst host x_originating_ip
port id.orig_p id.resp_p p host_p
set[string] rcptto to cc analyzers sources files tunnel_parents email_dest
set[addr] tx_hosts rx_hosts
set[enum] actions matched
vector[addr] path
vector[string] fuids
enum note seen.indicator_type seen.where software_type proto
double remote_location.latitude remote_location.longitude
`

// knownTypes never changes.
var knownTypes = func() map[string]Type {
	m := map[string]Type{}
	for _, l := range strings.Split(strings.TrimSpace(knownColumns), "\n") {
		names := strings.Fields(l)
		t, err := ParseType(names[0])
		if err != nil {
			panic(err)
		}
		for _, n := range names[1:] {
			m[n] = t
		}
	}
	return m
}()

// KnownType gives the type that a column of this name has in Zeek's own logs
// where JSON does not show it. A value that doesn't fit the type is read as
// what it looks like.
func KnownType(column string) (Type, bool) {
	t, ok := knownTypes[column]
	return t, ok
}
