// Command gzeek is Zeek's SMTP monitoring as one program: it reads captures or
// an interface and writes smtp.log, conn.log, files.log, notice.log and their
// kin as Zeek writes them. It also has tools for such logs.
package main

import (
	"os"

	"github.com/gzeek/gzeek/cli"
)

func main() { os.Exit(cli.Main()) }
