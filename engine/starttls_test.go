package engine_test

import (
	"strings"
	"testing"
)

// Behind STARTTLS conn.log names the service ssl once the client has said its
// hello, and takes that back if what follows can't be TLS. Zeek:
// scripts/base/frameworks/analyzer/dpd.zeek.
func TestServiceSSLIsTakenBackIfTheServerDoesNotSpeakTLS(t *testing.T) {
	hello := "\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + strings.Repeat("r", 32) + "\x00\x00\x02\x13\x01\x01\x00\x00\x00"
	alert := "\x15\x03\x03\x00\x02\x02\x28"
	const noTLS = "454 TLS not available\r\n"
	const violation = " failure_reason=Invalid version late in TLS connection. Packet reported version: 13620 failure_data=- "
	for _, c := range []struct {
		name, ehlo, answer string
		service            string
		violation          bool
	}{
		{"TLS", "EHLO c\r\n", alert, "smtp,ssl", false},
		{"no TLS", "EHLO c\r\n", noTLS, "smtp", true},
		{"so much was said that the analyzer stays", "EHLO " + strings.Repeat("c", 11000) + "\r\n", noTLS, "smtp,ssl", false},
	} {
		turns := []string{"220 mx ESMTP\r\n", c.ehlo, "250-mx\r\n250 STARTTLS\r\n", "STARTTLS\r\n", "220 go ahead\r\n", hello, c.answer}
		path := turnsCapture(t, turns, nil)
		dir := runCapture(t, path)
		if conn := rowsWithoutTimes(t, dir, "conn"); !strings.Contains(conn, " service="+c.service+" ") {
			t.Errorf("%s: want service %s in\n%s", c.name, c.service, conn)
		}
		if log := rowsWithoutTimes(t, dir, "analyzer"); (log != "") != c.violation || c.violation && !strings.Contains(log, violation) {
			t.Errorf("%s: analyzer.log is\n%s", c.name, log)
		}
		// The analyzers are there in a bare run too, and dpd.zeek with them.
		dir = runCapture(t, path, "-b", "base/protocols/conn", "base/protocols/smtp")
		if conn := rowsWithoutTimes(t, dir, "conn"); !strings.Contains(conn, " service="+c.service+" ") {
			t.Errorf("%s: want service %s in a bare run's\n%s", c.name, c.service, conn)
		}
	}
}

// Where SMTP is found by what is said, the octets up to there are played to its
// analyzer (PIA.cc, ReplayStreamBuffer). STARTTLS may be among them: TLS then gets
// the rest, as it is the child of the SMTP analyzer (SMTP.cc, StartTLS).
func TestSTARTTLSBeforeSMTPIsRecognised(t *testing.T) {
	const random = "rrrrrrrrrrrrrrrrrrrrr\r\nEHLO x\r\nr" // what detection waits for
	hello := "\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + random + "\x00\x00\x02\x13\x01\x01\x00\x00\x00"
	for _, c := range []struct{ name, answer, service, failure string }{
		{"TLS", "\x15\x03\x03\x00\x02\x02\x28", "smtp,ssl", ""},
		{"no TLS", "454 TLS not available\r\n", "smtp", "Invalid version late in TLS connection. Packet reported version: 13620"},
	} {
		path := turnsCapture(t, []string{"220 mx ESMTP\r\n", "STARTTLS\r\n", "220 go ahead\r\n", hello, c.answer}, nil)
		for _, how := range []string{"dpd_reassemble_first_packets=T", "dpd_reassemble_first_packets=F"} {
			dir := runCapture(t, path, "dpd_ignore_ports=T", how)
			if conn := rowsWithoutTimes(t, dir, "conn"); !strings.Contains(conn, " service="+c.service+" ") {
				t.Errorf("%s, %s: want service %s in\n%s", c.name, how, c.service, conn)
			}
			if log := rowsWithoutTimes(t, dir, "analyzer"); !strings.Contains(log, c.failure) || (c.failure == "") != (log == "") {
				t.Errorf("%s, %s: analyzer.log is\n%s", c.name, how, log)
			}
		}
	}
}
