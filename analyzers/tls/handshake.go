package tls

import (
	"encoding/binary"
	"fmt"
)

// handshake is the stream of messages in the records of one side, which may lie
// in records any way (RFC 8446, section 5.1).
type handshake struct {
	head   [4]byte
	inHead int    // octets of head that are there
	left   int    // octets of the message that are still to come
	hello  bool   // it is a hello, and not too long
	body   []byte // those that are there, of a hello
}

// Types of messages (RFC 5246, section 7.4; RFC 6066; RFC 6347).
const (
	clientHello = 1
	serverHello = 2
)

// isKnownMessage says whether Zeek has a name for the type
// (tls-handshake-protocol.pac, HandshakeType).
func isKnownMessage(t byte) bool {
	return t <= 4 || t >= 11 && t <= 16 || t >= 20 && t <= 22
}

// maxHello is how long a hello may be; a longer one is not looked at. Zeek has
// no limit but the length's three octets.
const maxHello = 1 << 17

// handshakeOctets takes the next octets of a side's messages.
func (a *Analyzer) handshakeOctets(h *handshake, data []byte, isOrig bool) {
	for len(data) > 0 && !a.done {
		if h.inHead < len(h.head) {
			n := copy(h.head[h.inHead:], data)
			h.inHead += n
			data = data[n:]
			if h.inHead < len(h.head) {
				return
			}
			h.left = int(h.head[1])<<16 | int(h.head[2])<<8 | int(h.head[3])
			h.hello = (h.head[0] == clientHello || h.head[0] == serverHello) && h.left <= maxHello
		}
		n := min(len(data), h.left)
		if h.hello {
			h.body = append(h.body, data[:n]...)
		}
		h.left -= n
		data = data[n:]
		if h.left > 0 {
			return
		}
		body := h.body
		h.inHead, h.body = 0, nil
		switch t := h.head[0]; {
		case h.hello && t == clientHello:
			a.clientHello(body)
		case h.hello:
			a.serverHello(body)
		case !isKnownMessage(t):
			a.host.Violation(fmt.Sprintf("unknown handshake message (%d) from %s", t, sender(isOrig)), nil)
		}
	}
}

// confirm takes the version of a client's hello.
func (a *Analyzer) confirm(version uint16) {
	if !isHelloVersion(version) {
		a.stop(fmt.Sprintf("unsupported client SSL version 0x%04x", version))
		return
	}
	a.host.Confirm()
}

// isHelloVersion says whether hellos may name the version: those of SSL, TLS
// and its drafts, and DTLS (ssl-defs.pac, version_ok).
func isHelloVersion(v uint16) bool {
	return v>>8 == 0x7f || v == ssl2 || v >= ssl3 && v <= tls13 || v >= 0xfefc && v <= 0xfeff && v != 0xfefe
}

// fields reads the fields of a hello. The first that needs more octets than
// there are is a violation, and all behind it are empty.
type fields struct {
	a    *Analyzer
	of   string // name of the hello
	rest []byte
	bad  bool
}

func (f *fields) octets(name string, n int) []byte {
	if f.bad || n > len(f.rest) {
		if !f.bad {
			f.a.broken(f.of+":"+name, n, len(f.rest))
			f.bad = true
		}
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) uint8(name string) int {
	if b := f.octets(name, 1); b != nil {
		return int(b[0])
	}
	return 0
}

func (f *fields) uint16(name string) int {
	if b := f.octets(name, 2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

// extensions reads what may follow a hello's other fields. The length of all
// extensions together isn't looked at.
func (f *fields) extensions(each func(typ int, data []byte)) {
	if f.bad || len(f.rest) == 0 {
		return
	}
	f.uint16("ext_len")
	f.of = "SSLExtension"
	for len(f.rest) > 0 && !f.bad {
		typ := f.uint16("type")
		data := f.octets("data", f.uint16("data_len"))
		if !f.bad {
			each(typ, data)
		}
	}
}

// clientHello takes a ClientHello (RFC 8446, section 4.1.2), whoever sends it.
func (a *Analyzer) clientHello(body []byte) {
	f := fields{a: a, of: "ClientHello", rest: body}
	version := uint16(f.uint16("client_version"))
	f.octets("gmt_unix_time", 4)
	f.octets("random_bytes", 28)
	f.octets("session_id", f.uint8("session_len"))
	if version == 0xfeff || version == 0xfefd {
		f.octets("cookie", f.uint8("cookie_len"))
	}
	f.octets("csuits", f.uint16("csuit_len")/2*2)
	f.octets("cmeths", f.uint8("cmeth_len"))
	f.extensions(func(int, []byte) {})
	if !f.bad {
		a.confirm(version)
	}
}

// serverHello takes note of the version that a ServerHello chooses: of the first
// one, the extension supported_versions counts before the hello's field
// (tls-handshake-protocol.pac, set_version).
func (a *Analyzer) serverHello(body []byte) {
	f := fields{a: a, of: "ServerHello", rest: body}
	version := uint16(f.uint16("server_version"))
	f.octets("random_bytes", 32)
	is13 := version == tls13 || version>>8 == 0x7f
	if !is13 {
		f.octets("session_id", f.uint8("session_len"))
	}
	f.octets("cipher_suite", 2)
	if !is13 {
		f.octets("compression_method", 1)
	}
	const supportedVersions = 43
	f.extensions(func(typ int, data []byte) {
		if typ == supportedVersions && len(data) >= 2 && a.negotiated == 0 {
			a.negotiated = binary.BigEndian.Uint16(data)
		}
	})
	if f.bad {
		return
	}
	if a.negotiated == 0 {
		a.negotiated = version
	}
	if !isHelloVersion(version) {
		a.stop(fmt.Sprintf("unsupported server SSL version 0x%04x", version))
	}
}

// ssl2ClientHello takes the first message of a client that could also do with
// SSL 2 (RFC 5246, appendix E.2). Its version stands in the header.
func (a *Analyzer) ssl2ClientHello(s *side) {
	f := fields{a: a, of: "V2ClientHello", rest: s.body}
	suites, session, challenge := f.uint16("csuit_len"), f.uint16("session_len"), f.uint16("chal_len")
	f.octets("ciphers", suites/3*3)
	f.octets("session_id", session)
	f.octets("challenge", challenge)
	if !f.bad {
		a.confirm(binary.BigEndian.Uint16(s.header[3:]))
	}
}
