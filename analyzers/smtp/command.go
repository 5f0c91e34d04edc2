package smtp

// command is what a client can ask for, and what the analyzer counts as asked.
type command uint8

const (
	noCommand command = iota
	ehlo
	helo
	mailCmd
	rcpt
	dataCmd
	quitCmd
	rset
	vrfy
	expn
	help
	noop
	starttls
	xAnonymousTLS
	connEstablishment // what the banner answers
	endOfData         // the dot
	send
	soml
	saml
	turn
	bdatCmd
	etrn
	auth
	authAnswer // a line in answer to a 334
)

// unknown stands for a command that was missed.
const unknown = "(UNKNOWN)"

// words are the commands as they are told. One table serves for reading, too,
// as in Zeek, where a client may type even the internal ones.
var words = [...]string{
	noCommand: unknown,
	ehlo:      "EHLO", helo: "HELO", mailCmd: "MAIL", rcpt: "RCPT", dataCmd: "DATA", quitCmd: "QUIT",
	rset: "RSET", vrfy: "VRFY", expn: "EXPN", help: "HELP", noop: "NOOP",
	starttls: "STARTTLS", xAnonymousTLS: "X_ANONYMOUSTLS",
	connEstablishment: "CONN_ESTABLISHMENT", endOfData: "END_OF_DATA",
	send: "SEND", soml: "SOML", saml: "SAML", turn: "TURN",
	bdatCmd: "BDAT", etrn: "ETRN", auth: "AUTH", authAnswer: "AUTH_ANSWER",
}

func (c command) String() string { return words[c] }

// inReply is how smtp_reply names the command.
func (c command) inReply() string {
	switch c {
	case connEstablishment:
		return ">"
	case endOfData:
		return "."
	}
	return words[c]
}

// typed is a word that clients type, and how it is told in smtp_request, so that
// no string is made of what was typed.
type typed struct {
	command  command
	spelling string
}

// byInitial finds commands by the words that clients type: few begin with the
// same letter.
var byInitial = func() (m ['Z' + 1][]typed) {
	add := func(c command, word string) { m[word[0]] = append(m[word[0]], typed{c, word}) }
	for c := ehlo; int(c) < len(words); c++ {
		add(c, words[c])
	}
	add(xAnonymousTLS, "X-ANONYMOUSTLS")
	return m
}()

// firstWord returns the command that a line begins with, how it is told, and its
// length; noCommand for none. Of a line that begins with something else (whole
// mails do, when the analyzer has lost its way) little is looked at.
func firstWord(line []byte) (cmd command, known string, n int) {
	if len(line) == 0 {
		return noCommand, "", 0
	}
	initial := line[0]
	if 'a' <= initial {
		initial -= 'a' - 'A'
	}
	if int(initial) >= len(byInitial) {
		return noCommand, "", 0
	}
	for _, t := range byInitial[initial] {
		n := len(t.spelling)
		if (n == len(line) || n < len(line) && endsWord(line[n])) && isTyped(line[:n], t.spelling) {
			return t.command, t.spelling, n
		}
	}
	return noCommand, "", 0
}

// isTyped says whether a word, which is as long as the spelling, is it but for the
// case.
func isTyped(word []byte, spelling string) bool {
	for i, c := range word {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != spelling[i] {
			return false
		}
	}
	return true
}

// endsWord says whether a command word ends before c: a NUL or white space.
func endsWord(c byte) bool { return c <= ' ' && (c == ' ' || c-'\t' <= '\r'-'\t' || c == 0) }

// commands is a queue of commands of at most maxPending.
type commands struct {
	list []command
	head int
	few  [16]command // room for the list of nearly all connections
}

func (q *commands) len() int { return len(q.list) - q.head }

func (q *commands) push(c command) {
	if q.head > 0 && len(q.list) == cap(q.list) {
		q.list = q.list[:copy(q.list, q.list[q.head:])]
		q.head = 0
	}
	if q.list == nil {
		q.list = q.few[:0]
	}
	q.list = append(q.list, c)
}

// pop returns the oldest command, or noCommand.
func (q *commands) pop() command {
	if q.len() == 0 {
		return noCommand
	}
	c := q.list[q.head]
	q.head++
	if q.len() == 0 {
		q.clear()
	}
	return c
}

func (q *commands) clear() { q.list, q.head = q.list[:0], 0 }
