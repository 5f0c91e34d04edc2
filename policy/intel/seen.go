package intel

import (
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
)

const locations = "frameworks/intel/seen/where-locations"

func init() {
	seen := func(name, doc string, load func(*policy.Context, *Framework), requires ...string) {
		policy.Register(policy.Policy{
			Name: "frameworks/intel/seen" + name, Doc: doc,
			Requires: append([]string{base}, requires...),
			Load: func(c *policy.Context) error {
				load(c, policy.Use[*Framework](c))
				return nil
			},
		})
	}
	seen("", "looks up whatever mail traffic shows among the indicators", func(*policy.Context, *Framework) {},
		// In the order of Zeek's, without those of other protocols.
		"frameworks/intel/seen/conn-established",
		"frameworks/intel/seen/file-hashes",
		"frameworks/intel/seen/file-names",
		"frameworks/intel/seen/smtp",
		"frameworks/intel/seen/smtp-url-extraction",
		"base/files/x509", // by frameworks/intel/seen/x509
	)
	seen("/where-locations", "names of the places where something is seen", loadLocations)
	seen("/conn-established", "looks up both ends of established connections", loadEstablished, locations)
	seen("/file-hashes", "looks up hashes of files", loadHashes, locations)
	seen("/file-names", "looks up names of files", loadNames, locations)
	seen("/smtp", "looks up addresses and user agents of mails", loadSMTP, "base/protocols/smtp", locations)
	seen("/smtp-url-extraction", "looks up URLs in mails", loadURLs, "base/protocols/smtp", locations)
}

// loadLocations declares all places that Zeek has, since files may name them and
// their numbers count.
func loadLocations(_ *policy.Context, f *Framework) {
	for _, name := range []string{
		"Conn::IN_ORIG", "Conn::IN_RESP", "Files::IN_HASH", "Files::IN_NAME", "DNS::IN_REQUEST", "DNS::IN_RESPONSE",
		"HTTP::IN_HOST_HEADER", "HTTP::IN_REFERRER_HEADER", "HTTP::IN_USER_AGENT_HEADER", "HTTP::IN_X_FORWARDED_FOR_HEADER",
		"HTTP::IN_URL", "SMTP::IN_MAIL_FROM", "SMTP::IN_RCPT_TO", "SMTP::IN_FROM", "SMTP::IN_TO", "SMTP::IN_CC",
		"SMTP::IN_RECEIVED_HEADER", "SMTP::IN_REPLY_TO", "SMTP::IN_X_ORIGINATING_IP_HEADER", "SMTP::IN_MESSAGE",
		"SSH::IN_SERVER_HOST_KEY", "SSL::IN_SERVER_NAME", "SMTP::IN_HEADER", "X509::IN_CERT", "SMB::IN_FILE_NAME",
	} {
		f.DeclareWhere(name)
	}
}

// tcpEstablished is TCP_ESTABLISHED.
const tcpEstablished = 4

func loadEstablished(c *policy.Context, f *Framework) {
	orig, resp := f.DeclareWhere("Conn::IN_ORIG"), f.DeclareWhere("Conn::IN_RESP")
	c.Events.ConnectionEstablished.Handle(c.Policy(), 0, func(e *event.ConnEvent) {
		if e.Conn.Orig.State == tcpEstablished && e.Conn.Resp.State == tcpEstablished {
			f.Seen(Seen{Host: e.Conn.ID.OrigH, Conn: e.Conn, Where: orig})
			f.Seen(Seen{Host: e.Conn.ID.RespH, Conn: e.Conn, Where: resp})
		}
	})
}

func loadHashes(c *policy.Context, f *Framework) {
	where := f.DeclareWhere("Files::IN_HASH")
	c.Events.FileHash.Handle(c.Policy(), 0, func(e *event.FileHash) {
		if !f.disabled[TypeFileHash] {
			f.Seen(Seen{Indicator: e.Hash, Type: TypeFileHash, File: e.File, Where: where})
		}
	})
}

func loadNames(c *policy.Context, f *Framework) {
	where := f.DeclareWhere("Files::IN_NAME")
	seen := func(file *event.File) {
		if i := f.files.Info(file); i.HasFilename && !f.disabled[TypeFileName] {
			f.Seen(Seen{Indicator: i.Filename, Type: TypeFileName, File: file, Where: where})
		}
	}
	c.Events.FileNew.Handle(c.Policy(), 0, func(e *event.FileEvent) {
		// The name of a file that comes over a connection is known there.
		if len(e.File.Conns) == 0 {
			seen(e.File)
		}
	})
	c.Events.FileOverNewConnection.Handle(c.Policy(), -5, func(e *event.FileOverNewConnection) { seen(e.File) })
}
