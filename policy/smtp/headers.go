package smtp

import (
	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/extract"
	"github.com/gzeek/gzeek/policy/site"
)

func (p *SMTP) loadHeaders(ev *event.Events, name string) {
	ev.MIMEOneHeader.Handle(name, 5, p.header)
	ev.MIMEOneHeader.Handle(name, 3, p.received)
	ev.MIMEBeginEntity.Handle(name, 5, func(e *event.ConnEvent) {
		if i, ok := p.info.Get(e.Conn); ok {
			// Headers of parts are not those of the mail.
			i.entityCount++
			if i.entityCount > 1 {
				i.processHeaders = false
			}
		}
	})
}

// header takes a header field of the mail itself. Of repeated fields the last
// one stays, but recipients add up.
func (p *SMTP) header(e *event.MIMEOneHeader) {
	i, ok := p.info.Get(e.Conn)
	if !ok || !i.processHeaders {
		return
	}
	value := e.Header.Value
	switch string(e.Header.Name) {
	case "MESSAGE-ID":
		i.MsgID = p.field(value)
	case "RECEIVED":
		p.gotReceived(i, value)
	case "IN-REPLY-TO":
		i.InReplyTo = p.field(value)
	case "SUBJECT":
		i.Subject = p.field(value)
	case "FROM":
		i.From = p.field(value)
	case "REPLY-TO":
		i.ReplyTo = p.field(value)
	case "DATE":
		i.Date = p.field(value)
	case "TO":
		p.addRecipients(i, &i.To, value)
	case "CC":
		p.addRecipients(i, &i.CC, value)
	case "X-ORIGINATING-IP":
		if ips := extract.ExtractIPAddresses(p.scratch[:0], value, false); len(ips) > 0 {
			if a, ok := extract.ParseAddr(ips[0]); ok {
				i.XOriginatingIP = a
			}
		}
	case "X-MAILER", "USER-AGENT", "X-USER-AGENT":
		i.UserAgent = p.field(value)
	}
}

// addRecipients adds the addresses of a To or Cc field to a set.
func (p *SMTP) addRecipients(i *Info, set **dict.StringSet, value []byte) {
	p.begun(set)
	addrs, exceeded := extract.SplitMIMEEmailAddresses(p.scratch[:0], value, p.findAllLimit(), p.order)
	if exceeded {
		p.findAllExceeded("base/utils/email.zeek", emailMIMELine, len(value))
	}
	p.scratch = addrs[:0]
	for _, a := range p.order(addrs) {
		(*set).Add(p.text.String(a))
	}
}

// received follows the path of Received fields until it leaves the part of the
// network that is wanted.
func (p *SMTP) received(e *event.MIMEOneHeader) {
	i, ok := p.info.Get(e.Conn)
	if !ok || string(e.Header.Name) != "RECEIVED" || !i.processReceivedFrom || !i.processHeaders {
		return
	}
	ips := extract.ExtractIPAddresses(p.scratch[:0], e.Header.Value, true)
	p.scratch = ips[:0]
	if len(ips) == 0 {
		return
	}
	// The second address is that of the sender where a name comes first.
	text := ips[0]
	if len(ips) > 1 {
		text = ips[1]
	}
	ip, ok := extract.ParseAddr(text)
	if !ok {
		return
	}
	if !p.site.Matches(ip, site.Host(p.pathCapture.Get())) && !p.site.IsPrivate(ip) {
		i.processReceivedFrom = false
	}
	if i.Path[len(i.Path)-1] != ip {
		i.Path = p.paths.Append(i.Path, ip)
	}
}
