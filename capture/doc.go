// Package capture reads raw frames from capture files, standard input and
// interfaces, filters them, and writes them.
//
// It isn't a decoder: link layers, IP and tunnels are package packet's. What
// counts as a readable record, and which time it carries, is decided as by the
// libpcap under Zeek, so that reading ends where Zeek's would (Zeek:
// iosource/pcap/Source.cc, iosource/PktSrc.cc). Where libpcap gives up though
// the file is well-formed (pcapng with several link types or byte orders,
// compressed files), reading goes on.
//
// Files are read in large blocks and frames point into the block: nothing is
// copied or allocated per packet. Memory-mapping isn't used: it was measured a
// third faster as long as only record headers are looked at (6.6 against 5 GB/s),
// which is lost again when packets are touched, and a file that shrinks while it
// is mapped kills the process with SIGBUS.
//
// A Source is for one goroutine; only Pos and Size may be called from others.
package capture
