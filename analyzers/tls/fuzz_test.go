package tls

import (
	"reflect"
	"testing"
)

// What is said of the streams doesn't depend on how they are cut; nothing is
// confirmed twice or followed behind its end.
func FuzzStreams(f *testing.F) {
	f.Add(records(client(3, 3), 20), records(server(3, 3, choose13...), 99), uint16(5))
	f.Add(records(client(9, 9, serverName...), 100), []byte("220 go ahead\r\n"), uint16(1))
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\xff\xff"), record(21, 2, 40), uint16(3))
	f.Add([]byte{0x80, 28, 1, 3, 1, 0, 3, 0, 0, 0, 16}, record(20, 1), uint16(2))
	f.Fuzz(func(t *testing.T, client, server []byte, cut uint16) {
		chunks := []chunk{orig(client), resp(server), orig(record(23, 1)), resp(record(23, 1)), orig(client)}
		whole, pieces := run(chunks, 1<<20), run(chunks, int(cut)+1)
		if whole.confirmed != pieces.confirmed || !reflect.DeepEqual(whole.violations, pieces.violations) {
			t.Fatalf("whole %v %q, in pieces %v %q", whole.confirmed, whole.violations, pieces.confirmed, pieces.violations)
		}
	})
}
