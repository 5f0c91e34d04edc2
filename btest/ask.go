package btest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/term"
)

// askUpdate asks on the terminal what to do about a file that differs from its
// baseline: 0 updates it, 1 goes on without, 200 ends all tests.
func askUpdate(test, diagnostics string) int {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		fmt.Fprintf(os.Stderr, "btest-diff: no terminal to ask on: %s\n", err)
		return 1
	}
	defer tty.Close()
	for {
		fmt.Fprintf(tty, "\n%s ... failed\n>> Type 'c' to continue, 'd' to see diagnostics, 'u' to update baseline, and 'a' to abort.\n", test)
		switch readKey(tty) {
		case 'u', 'U':
			fmt.Fprintln(tty, ">> Updating baseline ...")
			return 0
		case 'c', 'C':
			fmt.Fprintln(tty, ">> Continuing ...")
			return 1
		case 'a', 'A', 3, 0:
			fmt.Fprintln(tty, ">> Aborting ...")
			return statusAbort
		case 'd', 'D':
			pager := exec.Command("less", "-S")
			pager.Stdin, pager.Stdout, pager.Stderr = strings.NewReader(diagnostics), tty, tty
			if pager.Run() != nil {
				fmt.Fprint(tty, diagnostics)
			}
		default:
			fmt.Fprintln(tty, ">> Answer not recognized, try again ...")
		}
	}
}

// readKey reads one key without waiting for a whole line; 0 at the end.
func readKey(tty *os.File) byte {
	if old, err := term.MakeRaw(int(tty.Fd())); err == nil {
		defer term.Restore(int(tty.Fd()), old)
	}
	var b [1]byte
	if n, _ := tty.Read(b[:]); n == 0 {
		return 0
	}
	return b[0]
}
