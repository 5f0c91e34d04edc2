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
// copied or allocated per packet. Memory-mapping was measured to be no faster
// and a file that shrinks while mapped kills the process with SIGBUS, so it
// isn't used.
//
// A Source is for one goroutine; only Pos and Size may be called from others.
package capture
