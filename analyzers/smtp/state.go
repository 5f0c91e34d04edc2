package smtp

import "strconv"

// The state moves with each command as if it succeeded, since clients that
// pipeline don't wait, and the reply corrects it. It serves to know where a
// mail begins and ends, not to judge: a state that doesn't fit is told, and the
// command acts all the same. Zeek: SMTP.cc, UpdateState.

// asked moves the state at a command.
func (a *Analyzer) asked(cmd command, isOrig bool) {
	if a.state == quit {
		a.unexpectedCommand(cmd, 0)
	}
	switch cmd {
	case connEstablishment:
		a.expect(cmd, 0, a.state == connected)
		a.state = initiated
	case ehlo, helo:
		a.expect(cmd, 0, a.state == initiated)
		a.state = ready
	case mailCmd, send, soml, saml:
		a.expect(cmd, 0, a.state == ready)
		a.state = mailOK
	case rcpt:
		a.expect(cmd, 0, a.state == mailOK || a.state == rcptOK)
		a.state = rcptOK
	case dataCmd:
		a.expect(cmd, 0, a.state == rcptOK)
		a.beginData(isOrig, inData)
	case bdatCmd:
		// The chunk has moved the state already: this tells each time.
		a.expect(cmd, 0, a.state == rcptOK)
		a.state = inBDAT
	case endOfData:
		a.expect(cmd, 0, a.state == inData || a.state == inBDAT)
		a.endData()
		a.state = afterData
	case rset:
		a.state = ready
	case quitCmd:
		a.state = quit
	case auth, turn, starttls, xAnonymousTLS:
		a.expect(cmd, 0, a.state == ready)
	case authAnswer:
		a.expect(cmd, 0, a.state == inAuth)
	}
}

// answered moves the state at a reply to cmd.
func (a *Analyzer) answered(cmd command, code uint64, isOrig bool) {
	switch cmd {
	case connEstablishment:
		switch code {
		case 220:
		case 421, 554:
			a.state = notAvailable
		default:
			a.unexpectedReply(cmd, code)
		}
	case ehlo, helo:
		switch code {
		case 250:
		case 421, 500, 501, 504, 550:
			a.state = initiated
		default:
			a.unexpectedReply(cmd, code)
		}
	case mailCmd, send, soml, saml:
		switch code {
		case 250:
		case 421, 451, 452, 500, 501, 503, 550, 552, 553:
			if a.state != inData {
				a.state = ready
			}
		default:
			a.unexpectedReply(cmd, code)
		}
	case rcpt:
		switch code {
		case 250, 251, 421, 450, 451, 452, 500, 501, 503, 550, 551, 552, 553, 554:
			// One recipient less or more changes nothing.
		default:
			a.unexpectedReply(cmd, code)
		}
	case dataCmd:
		a.dataAnswered(code)
	case bdatCmd:
		switch code {
		case 250, 421, 451, 500, 501, 503, 554:
			// The client sends the chunk to its end whatever the server says.
		default:
			a.unexpectedReply(cmd, code)
		}
	case endOfData:
		switch code {
		case 250, 421, 451, 452, 552, 554:
		default:
			a.unexpectedReply(cmd, code)
		}
		a.state = ready
	case rset:
		if code != 250 {
			a.unexpectedReply(cmd, code)
		}
	case quitCmd:
		if code != 221 {
			a.unexpectedReply(cmd, code)
		}
	case auth, authAnswer:
		if cmd == auth {
			a.expect(cmd, code, a.state == ready)
		} else {
			a.expect(cmd, code, a.state == inAuth)
		}
		if code == 334 {
			a.state = inAuth
		} else {
			a.state = initiated
		}
	case turn:
		a.expect(cmd, code, a.state == ready)
		if code == 250 {
			a.respSends = !a.respSends
			a.state = connected
		}
	case starttls, xAnonymousTLS:
		a.expect(cmd, code, a.state == ready)
		if code == 220 {
			a.startTLS()
		}
	default:
		if a.state == gapRecovery && code == 354 {
			// DATA was in the gap. The mail is taken for the direction of the
			// reply, as in Zeek.
			a.beginData(isOrig, inData)
		}
	}
}

// dataAnswered: without a 354 the mail that DATA began was none.
func (a *Analyzer) dataAnswered(code uint64) {
	next := ready
	switch code {
	case 354:
		return
	case 421:
		next = quit
	case 451, 500, 501, 503, 554:
	default:
		a.unexpectedReply(dataCmd, code)
	}
	if a.state == inData {
		a.endData()
	}
	a.state = next
}

func (a *Analyzer) expect(cmd command, code uint64, ok bool) {
	if !ok {
		a.unexpectedCommand(cmd, code)
	}
}

// unexpectedCommand tells of a command in the wrong state; code is 0 unless
// that shows at the reply.
func (a *Analyzer) unexpectedCommand(cmd command, code uint64) {
	if !a.events.SMTPUnexpected.Wanted() {
		return
	}
	t := append(a.text[:0], cmd.String()...)
	t = append(t, " reply = "...)
	t = strconv.AppendUint(t, code, 10)
	t = append(t, " state = "...)
	a.text = strconv.AppendUint(t, uint64(a.state), 10)
	a.unexpected(true, "unexpected command", a.text)
}

// unexpectedReply tells of a reply that cmd doesn't have.
func (a *Analyzer) unexpectedReply(cmd command, code uint64) {
	if !a.events.SMTPUnexpected.Wanted() {
		return
	}
	t := strconv.AppendUint(a.text[:0], code, 10)
	t = append(t, " state = "...)
	t = strconv.AppendUint(t, uint64(a.state), 10)
	t = append(t, ", last command = "...)
	a.text = append(t, cmd.String()...)
	a.unexpected(true, "unexpected reply", a.text)
}
