package bro2011

import (
	"strings"
	"testing"
)

func TestLogsInTheLayoutOf2011(t *testing.T) {
	s := newSession(t, "Log::bro_2011_header=T")
	s.At(1254722768.219663)
	s.request("EHLO", "-")
	s.message("Subject: a\\b\té", "Reply-To:", "To: a@b.example, c@d.example")
	s.reply(554, "http://www.spamhaus.org/ 192.0.2.1")
	s.remove()
	logs := s.Finish()
	smtp := "# ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\thelo\tmailfrom\trcptto\tdate\tfrom\tto\treply_to\tmsg_id\tin_reply_to\tsubject\t" +
		"x_originating_ip\tfirst_received\tsecond_received\tlast_reply\tfiles\tpath\tuser_agent\n" +
		"1254722768.21966\tC1\t192.0.2.1\t40000\t198.51.100.25\t25\t-\t<a@b.example>\t-\t-\t-\ta@b.example, c@d.example\t-\t-\t-\ta\\b\\x09\\xc3\\xa9\t" +
		"-\t-\t-\t554 http://www.spamhaus.org/ 192.0.2.1\t-\t198.51.100.25,192.0.2.1\t-\n"
	if logs["smtp"] != smtp {
		t.Errorf("smtp.log\n%s\nwant\n%s", logs["smtp"], smtp)
	}
	notice := "# ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tvictim\tnote\tmsg\tsub\tsrc\tdst\tp\tn\ttag\tactions\n" +
		"1254722768.21966\tC1\t192.0.2.1\t40000\t198.51.100.25\t25\t-\tSMTP::SMTP_BL_Blocked_Host\t192.0.2.1 is on an SMTP block list\t" +
		"http://www.spamhaus.org/ 192.0.2.1\t192.0.2.1\t198.51.100.25\t25\t-\t-\tNotice::ACTION_LOG\n"
	if logs["notice"] != notice {
		t.Errorf("notice.log\n%s\nwant\n%s", logs["notice"], notice)
	}
}

func TestDoublesOfTheLayoutOf2011(t *testing.T) {
	for f, want := range map[float64]string{
		1254722768.21966: "1254722768.21966", 1437831787: "1437831787.0", 0: "0.0", -3: "-3.0", 0.5: "0.5", 1e20: "1e+20", 123456789012345: "123456789012345.0",
	} {
		if got := string(appendDouble(nil, f)); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

func TestNothingInTheLayoutOf2011NeedsMoreThanALine(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	if got := appendPrintable(nil, string(all)); strings.ContainsAny(string(got), "\n\t\r\x00") || len(got) != 95+161*4 {
		t.Errorf("%q", got)
	}
}
