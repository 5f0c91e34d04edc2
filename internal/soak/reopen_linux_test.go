package soak

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/control"
)

// kinds of capture that this build has. tap2 is of the same kind.
func kinds(t *testing.T) []string {
	t.Helper()
	list := []string{"af_packet::"}
	if capture.HaveLibpcap {
		list = append(list, "")
	}
	return list
}

// An interface goes down and comes up, is deleted and made anew: the other one
// is read all the time, and it as soon as it is there.
func TestAnInterfaceThatComesBackIsReadAgain(t *testing.T) {
	if !inside(t) {
		return
	}
	net := link(t)
	for _, kind := range kinds(t) {
		tap1, tap2 := kind+"tap1", kind+"tap2"
		dir := t.TempDir()
		socket := filepath.Join(dir, "control.sock")
		p := listen(t, dir, []string{tap1, tap2}, "--control", socket)
		mails := send(t, "first", 4)
		// libpcap gives nothing more of an interface that is gone, so what was sent has
		// to be read before.
		read := func(name string) {
			t.Helper()
			eventually(t, name+": all mails are logged", func() bool { return len(logged(t, dir)) == len(mails) })
		}
		read("first")
		other := func(name string) {
			t.Helper()
			mails = append(mails, sendTo(t, servers[1:], name, 4)...)
			read(name)
		}
		back := func(name string, times int) {
			t.Helper()
			eventually(t, name+" is read again", func() bool { return p.saying(tap1+": is read again, after ") == times })
			mails = append(mails, send(t, name, 4)...)
			read(name)
		}

		must(t, ip("link set tap1 down"))
		eventually(t, "the link is told to be down", func() bool { return p.saying(tap1+": the interface is down; ") == 1 })
		other("down")
		must(t, ip("link set tap1 up"))
		back("up", 1)

		must(t, ip("link del tap1"))
		eventually(t, "its end is known", func() bool {
			i := ask(t, socket).Interfaces
			return len(i) == 2 && i[0].Name == tap1 && strings.HasPrefix(i[0].Problem, tap1+": can't listen: ") && i[0].Failures == 2 && i[0].Unread > 0 && i[1].Problem == ""
		})
		other("gone")
		must(t, net.pair(1))
		net.configure(t)
		back("anew", 2)

		said := p.stop()
		wantOnce(t, dir, mails)
		st := rows(t, dir, "reporter")
		for _, want := range []string{tap1 + ": the interface is down; it is read again as soon as it is up", tap1 + ": is read again, after "} {
			if !slices.ContainsFunc(st, func(r map[string]string) bool {
				return r["level"] == "Reporter::WARNING" && strings.HasPrefix(r["message"], want)
			}) {
				t.Errorf("reporter.log has no %q: %v", want, st)
			}
		}
		fmt.Printf("interface %s: said %q\n", tap1, said)
	}
}

// Without privileges an interface that is only down is read again; one that was
// deleted is not, which is said, and the last one ends the run.
func TestAnInterfaceIsNotOpenedAgainWithoutPrivileges(t *testing.T) {
	if !inside(t) {
		return
	}
	net := link(t)
	for _, kind := range kinds(t) {
		tap1, tap2 := kind+"tap1", kind+"tap2"
		dir := t.TempDir()
		must(t, os.Chown(dir, 65534, 65534))
		p := listen(t, dir, []string{tap1, tap2}, "--user", "65534:65534", "--control", "none")
		must(t, ip("link set tap1 down"))
		eventually(t, "the link is told to be down", func() bool { return p.saying(tap1+": the interface is down; ") == 1 })
		must(t, ip("link set tap1 up"))
		eventually(t, "it is read again", func() bool { return p.saying(tap1+": is read again, after ") == 1 })
		mails := send(t, "both", 4)
		eventually(t, "mails of both are logged", func() bool { return len(logged(t, dir)) == len(mails) })

		const refused = "; it can't be opened again: not permitted: privileges were given up"
		must(t, ip("link del tap1"))
		eventually(t, "it is told that it can't be opened", func() bool { return p.saying(refused) == 1 })
		mails = append(mails, sendTo(t, servers[1:], "other", 4)...)
		eventually(t, "they are logged", func() bool { return len(logged(t, dir)) == len(mails) })
		must(t, ip("link del tap2"))
		<-p.done
		if err := p.cmd.Wait(); err == nil || p.cmd.ProcessState.ExitCode() != 1 || p.saying(refused) != 2 || p.saying("gzeek: "+tap2) != 1 {
			t.Errorf("it ended with %v, and said %q", err, p.said)
		}
		wantOnce(t, dir, mails)
		for _, log := range []string{"smtp", "conn"} {
			if b, err := os.ReadFile(filepath.Join(dir, log+".log")); err != nil || !strings.Contains(string(b), "\n#close\t") {
				t.Errorf("%s.log was not closed: %v", log, err)
			}
		}
		must(t, errorsOf(net.pair(1), net.pair(2)))
		net.configure(t)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask asks a running gzeek for its status, as people do.
func ask(t *testing.T, socket string) (st control.Status) {
	t.Helper()
	out, err := exec.Command(program(t), "status", "--control", socket, "--json").Output()
	if err == nil {
		err = json.Unmarshal(out, &st)
	}
	if err != nil {
		t.Fatalf("gzeek status: %v: %s", err, out)
	}
	return st
}
