// Package soak tests gzeek as a process that listens, as it does for months:
// real SMTP clients and servers, rotation, SIGHUP, kill -9, a full disk, more
// packets than it can take. There is nothing in it but tests.
//
// They need root, for network namespaces of their own: a test runs itself again
// in a new one (the sensor, where gzeek and the clients are), which is joined by
// two pairs of veth to another one (the mail host). Traffic stays between the
// two. Processes are ended by their own ids.
//
//	make soak SOAK=3m
package soak
