package capture

import (
	"strings"
	"testing"
	"time"
)

// Packets that were in the kernel's buffer when a link went down come after that was
// noticed.
func TestAPacketFromBeforeTheLinkWentDownDoesNotTellThatItIsUp(t *testing.T) {
	now := float64(time.Now().UnixMicro()) / 1e6
	tap, told := tapOf(t, LiveOptions{Reopen: time.Second}, give(now-2, now-1, now+3600))
	tap.link.watch("lo")
	if tap.link.iface == "" {
		t.Skip("lo can't be looked at here")
	}
	tap.link.iface = "no-such-link"
	tap.look()
	stamps(t, tap, 2)
	if i := tap.Interfaces()[0]; i.Problem != "if0: the interface is gone" || i.Failures != 1 || len(*told) != 1 {
		t.Errorf("%+v, told %q", i, *told)
	}
	var f Frame
	if err := tap.Next(&f); err != nil { // the link is up, however it may look
		t.Fatal(err)
	}
	if i := tap.Interfaces()[0]; i.Problem != "" || i.Failures != 1 || len(*told) != 2 || !strings.HasPrefix((*told)[1], "if0: is read again, after ") {
		t.Errorf("%+v, told %q", i, *told)
	}
}
