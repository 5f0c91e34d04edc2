package redef

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/pattern"
)

// parser reads values in Zeek's syntax. As it knows which type comes next, it
// needs no scanner in front: "10" is read differently as a count, an address or
// a port.
type parser struct {
	ev      *evaluation
	text    string
	pos     int
	depth   int
	lenient bool // a lone element stands for a set of it
}

// whole reads a value of type t that is all of the text.
func (p *parser) whole(t *Type) (any, error) {
	if t.Kind == KindPattern {
		return p.pattern()
	}
	v, err := p.value(t)
	if err == nil && p.skip() < len(p.text) {
		err = p.errorf("%q follows the %s", clip(p.text[p.pos:]), kindNames[t.Kind])
	}
	return v, err
}

func (p *parser) errorf(format string, args ...any) error {
	if p.pos == 0 {
		return fmt.Errorf(format, args...)
	}
	return fmt.Errorf("character %d of %s: %s", p.pos+1, clip(p.text), fmt.Sprintf(format, args...))
}

// expected says what should stand here.
func (p *parser) expected(what string) error {
	if p.skip() >= len(p.text) {
		return p.errorf("it ends where %s should be", what)
	}
	return p.errorf("%q is not %s", clip(p.text[p.pos:]), what)
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func (p *parser) skip() int {
	for p.pos < len(p.text) && isSpace(p.text[p.pos]) {
		p.pos++
	}
	return p.pos
}

// take goes over s if it comes next.
func (p *parser) take(s string) bool {
	if strings.HasPrefix(p.text[p.skip():], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *parser) rest() string { return p.text[p.skip():] }

// span goes over bytes of a kind and returns them.
func (p *parser) span(ok func(byte) bool) string {
	start := p.pos
	for p.pos < len(p.text) && ok(p.text[p.pos]) {
		p.pos++
	}
	return p.text[start:p.pos]
}

// word goes over a name.
func (p *parser) word() string {
	if p.skip() < len(p.text) && isDigit(p.text[p.pos]) {
		return ""
	}
	return p.span(isIDByte)
}

func (p *parser) value(t *Type) (any, error) {
	switch t.Kind {
	case KindSet, KindTable:
		return p.container(t)
	case KindVector:
		return p.vector(t)
	}
	if v, ok, err := p.option(t); ok || err != nil {
		return v, err
	}
	start := p.skip()
	switch t.Kind {
	case KindBool:
		switch w := p.word(); w {
		case "T", "F":
			return w == "T", nil
		case "true", "false", "True", "False", "yes", "no":
			p.pos = start
			return nil, p.errorf("%q is not a bool; write T or F", w)
		}
		p.pos = start
		return nil, p.expected("a bool, T or F")
	case KindCount, KindInt, KindDouble, KindInterval:
		n, err := p.sum()
		if err != nil {
			return nil, err
		}
		v, err := n.as(t.Kind)
		if err != nil {
			p.pos = start
			return nil, p.errorf("%v", err)
		}
		return v, nil
	case KindString:
		return p.strings()
	case KindPort:
		return p.port()
	case KindAddr:
		return p.addr()
	case KindSubnet:
		return p.subnet()
	case KindEnum:
		w := p.word()
		if w == "" {
			return nil, p.expected("a value of " + t.Enum.name)
		}
		v, err := t.Enum.find(w)
		if err != nil {
			p.pos = start
			return nil, p.errorf("%v", err)
		}
		return v, nil
	}
	return nil, p.errorf("a %v cannot be written here", t)
}

// option reads the name of another option of the same type, whose value so far
// counts. A set or table is the same one afterwards, as in Zeek.
func (p *parser) option(t *Type) (any, bool, error) {
	start := p.skip()
	w := p.word()
	if o := p.ev.r.options[w]; o != nil {
		if o.typ.String() != t.String() {
			p.pos = start
			return nil, false, p.errorf("%s is an option of type %v, not %v", w, o.typ, t)
		}
		return p.ev.get(o), true, nil
	}
	p.pos = start
	return nil, false, nil
}

func (p *parser) pattern() (any, error) {
	if v, ok, err := p.option(scalar(KindPattern)); ok || err != nil {
		if err == nil && p.skip() < len(p.text) {
			err = p.errorf("%q follows the pattern", clip(p.rest()))
		}
		return v, err
	}
	v, err := pattern.Parse(p.text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", clip(p.text), err)
	}
	return v, nil
}

// number is a constant in an expression, of the type that Zeek gives it.
type number struct {
	kind Kind // KindCount, KindInt, KindDouble or KindInterval
	u    uint64
	i    int64
	f    float64 // seconds for an interval
}

// as gives the value for an option of the kind: Zeek widens counts to ints and
// both to doubles, and nothing else (Expr.cc, check_and_promote_expr).
func (n number) as(k Kind) (any, error) {
	switch {
	case k == KindInterval && n.kind == KindInterval:
		return seconds(n.f), nil
	case k == KindInterval:
		return nil, fmt.Errorf("an interval needs a unit: usec, msec, sec, min, hr or day")
	case n.kind == KindInterval:
		return nil, fmt.Errorf("an interval is not a %s", kindNames[k])
	case k == KindDouble:
		return n.float(), nil
	case n.kind == KindDouble:
		return nil, fmt.Errorf("a number with a fraction is not %s", article(k))
	case k == KindCount && n.kind == KindCount:
		return n.u, nil
	case k == KindCount && n.i >= 0:
		return uint64(n.i), nil
	case k == KindCount:
		return nil, fmt.Errorf("%d is negative, a count is not", n.i)
	case n.kind == KindInt:
		return n.i, nil
	case n.u > math.MaxInt64:
		return nil, fmt.Errorf("%d is too large for an int", n.u)
	}
	return int64(n.u), nil
}

func article(k Kind) string {
	if k == KindInt || k == KindInterval || k == KindAddr {
		return "an " + kindNames[k]
	}
	return "a " + kindNames[k]
}

func (n number) float() float64 {
	switch n.kind {
	case KindCount:
		return float64(n.u)
	case KindInt:
		return float64(n.i)
	}
	return n.f
}

func (p *parser) sum() (number, error) {
	n, err := p.product()
	for err == nil {
		var m number
		switch {
		case p.take("+"):
			if m, err = p.product(); err == nil {
				n, err = p.combine(n, m, '+')
			}
		case p.take("-"):
			if m, err = p.product(); err == nil {
				n, err = p.combine(n, m, '-')
			}
		default:
			return n, nil
		}
	}
	return n, err
}

func (p *parser) product() (number, error) {
	n, err := p.factor()
	for err == nil {
		var m number
		switch {
		case p.take("*"):
			if m, err = p.factor(); err == nil {
				n, err = p.combine(n, m, '*')
			}
		case p.take("/"):
			if m, err = p.factor(); err == nil {
				n, err = p.combine(n, m, '/')
			}
		default:
			return n, nil
		}
	}
	return n, err
}

// combine does arithmetic with Zeek's types. A result that no number of the type
// is, is an error.
func (p *parser) combine(a, b number, op byte) (number, error) {
	switch {
	case a.kind == KindInterval || b.kind == KindInterval:
		both := a.kind == b.kind
		switch {
		case (op == '+' || op == '-') && !both, op == '*' && both, op == '/' && a.kind != KindInterval:
			return number{}, p.errorf("an interval and a number don't go together with %c", op)
		case op == '/' && both:
			a.kind = KindDouble
		default:
			a.f, a.kind = a.float(), KindInterval
		}
	case a.kind == KindDouble || b.kind == KindDouble:
		a.f, a.kind = a.float(), KindDouble
	default:
		return p.combineWhole(a, b, op)
	}
	x, y := a.f, b.float()
	switch op {
	case '+':
		a.f = x + y
	case '-':
		a.f = x - y
	case '*':
		a.f = x * y
	case '/':
		a.f = x / y
	}
	if math.IsInf(a.f, 0) || math.IsNaN(a.f) {
		return number{}, p.errorf("the result is no number")
	}
	return a, nil
}

func (p *parser) combineWhole(a, b number, op byte) (number, error) {
	whole := func(n number) (int64, bool) {
		if n.kind == KindInt {
			return n.i, true
		}
		return int64(n.u), n.u <= math.MaxInt64
	}
	x, ok1 := whole(a)
	y, ok2 := whole(b)
	var z int64
	ok := ok1 && ok2
	switch op {
	case '+':
		z = x + y
		ok = ok && (z > x) == (y > 0)
	case '-':
		z = x - y
		ok = ok && (z < x) == (y > 0)
	case '*':
		z = x * y
		ok = ok && x != math.MinInt64 && y != math.MinInt64 && (x == 0 || z/x == y)
	case '/':
		if ok = ok && y != 0 && !(x == math.MinInt64 && y == -1); ok {
			z = x / y
		}
	}
	if a.kind == KindCount && b.kind == KindCount {
		if !ok || z < 0 {
			return number{}, p.errorf("the result is no count")
		}
		return number{kind: KindCount, u: uint64(z)}, nil
	}
	if !ok {
		return number{}, p.errorf("the result is no int")
	}
	return number{kind: KindInt, i: z}, nil
}

const maxDepth = 50

func (p *parser) factor() (number, error) {
	if p.depth++; p.depth > maxDepth {
		return number{}, p.errorf("nested too deeply")
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("("):
		n, err := p.sum()
		if err == nil && !p.take(")") {
			err = p.expected("a closing parenthesis")
		}
		return n, err
	case p.take("+"):
		n, err := p.factor()
		if n.kind == KindCount {
			return p.combine(number{kind: KindInt}, n, '+')
		}
		return n, err
	case p.take("-"):
		n, err := p.factor()
		switch {
		case err != nil:
			return n, err
		case n.kind == KindCount && n.u == 1<<63:
			return number{kind: KindInt, i: math.MinInt64}, nil
		case n.kind == KindCount || n.kind == KindInt:
			return p.combine(number{kind: KindInt}, n, '-')
		}
		n.f = -n.f
		return n, nil
	}
	return p.constant()
}

var units = []struct {
	name    string
	seconds float64
}{{"day", 86400}, {"hr", 3600}, {"min", 60}, {"sec", 1}, {"msec", 1e-3}, {"usec", 1e-6}}

// constant reads a number, with a unit if there is one.
func (p *parser) constant() (number, error) {
	start := p.skip()
	if p.take("0x") {
		digits := p.span(isHex)
		u, err := strconv.ParseUint(digits, 16, 64)
		if err != nil {
			p.pos = start
			return number{}, p.errorf("%q is no hexadecimal count", clip(p.text[start:]))
		}
		return number{kind: KindCount, u: u}, nil
	}
	whole := p.span(isDigit)
	fraction := ""
	if p.pos < len(p.text) && p.text[p.pos] == '.' {
		p.pos++
		fraction = p.span(isDigit)
		if whole == "" && fraction == "" {
			p.pos = start
		}
	}
	if p.pos == start {
		return number{}, p.expected("a number")
	}
	if mark := p.pos; p.pos < len(p.text) && p.text[p.pos]|0x20 == 'e' {
		p.pos++
		if p.pos < len(p.text) && (p.text[p.pos] == '+' || p.text[p.pos] == '-') {
			p.pos++
		}
		if p.span(isDigit) == "" {
			p.pos = mark
		}
	}
	text := p.text[start:p.pos]
	n := number{kind: KindDouble}
	var err error
	if len(text) == len(whole) {
		n.kind = KindCount
		n.u, err = strconv.ParseUint(text, 10, 64)
	}
	if f, ferr := strconv.ParseFloat(text, 64); ferr == nil {
		n.f = f
	} else {
		err = ferr
	}
	end := p.pos
	p.skip()
	if unit := p.span(func(c byte) bool { return c >= 'a' && c <= 'z' }); unit != "" {
		for _, u := range units {
			if strings.TrimSuffix(unit, "s") == u.name {
				return number{kind: KindInterval, f: n.f * u.seconds}, nil
			}
		}
		p.pos -= len(unit)
		return number{}, p.errorf("%q is no unit of time; there are usec, msec, sec, min, hr and day", clip(unit))
	}
	p.pos = end
	if err != nil {
		p.pos = start
		return number{}, p.errorf("%s is too large", clip(text))
	}
	return n, nil
}

// strings reads string constants joined by +.
func (p *parser) strings() (any, error) {
	var all string
	for {
		if p.skip() >= len(p.text) || p.text[p.pos] != '"' {
			return nil, p.expected("a string in quotes")
		}
		s := p.text[p.pos:]
		end := 1
		for end < len(s) && s[end] != '"' {
			if s[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(s) {
			return nil, p.errorf("the string has no end")
		}
		part, err := unquote(s[:end+1])
		if err != nil {
			return nil, p.errorf("%v", err)
		}
		all += part
		p.pos += end + 1
		if !p.take("+") {
			return all, nil
		}
	}
}

// unquote reads one string constant with its quotes. Zeek: scan.l, util.cc
// (expand_escape).
func unquote(s string) (string, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", fmt.Errorf("%s is no string in quotes", clip(s))
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 && !strings.ContainsAny(s, "\"\r\n") {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '"':
			return "", fmt.Errorf("there is a quote inside the string; write \\\"")
		case '\r', '\n':
			return "", fmt.Errorf("there is a line end inside the string; write \\n")
		case '\\':
			i++
			if i == len(s) {
				return "", fmt.Errorf("the string ends in a backslash; write \\\\")
			}
			n := 0
			switch c = s[i]; c {
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'a':
				c = '\a'
			case 'v':
				c = '\v'
			case 'x':
				for n < 2 && i+1+n < len(s) && isHex(s[i+1+n]) {
					n++
				}
				v, err := strconv.ParseUint(s[i+1:i+1+n], 16, 8)
				if err != nil {
					return "", fmt.Errorf("\\x needs a hexadecimal number behind it")
				}
				c = byte(v)
			case '0', '1', '2', '3', '4', '5', '6', '7':
				v := int(c - '0')
				for n < 2 && i+1+n < len(s) && s[i+1+n] >= '0' && s[i+1+n] <= '7' {
					v = v<<3 | int(s[i+1+n]-'0')
					n++
				}
				c = byte(v)
			case '\r', '\n':
				return "", fmt.Errorf("there is a line end inside the string; write \\n")
			}
			i += n
		}
		b = append(b, c)
	}
	return string(b), nil
}

var protocols = []struct {
	name  string
	proto event.Proto
	most  uint64
}{{"tcp", event.ProtoTCP, 65535}, {"udp", event.ProtoUDP, 65535}, {"icmp", event.ProtoICMP, 255}, {"unknown", event.ProtoUnknown, 255}}

func (p *parser) port() (any, error) {
	start := p.skip()
	digits := p.span(isDigit)
	if digits == "" {
		return nil, p.expected("a port, like 25/tcp")
	}
	if p.pos < len(p.text) && p.text[p.pos] == '/' {
		p.pos++
		name := p.span(func(c byte) bool { return c >= 'a' && c <= 'z' })
		for _, pr := range protocols {
			if pr.name != name {
				continue
			}
			n, err := strconv.ParseUint(digits, 10, 32)
			if err != nil || n > pr.most {
				p.pos = start
				return nil, p.errorf("port %s/%s is larger than %d", clip(digits), name, pr.most)
			}
			return Port{uint16(n), pr.proto}, nil
		}
	}
	p.pos = start
	return nil, p.errorf("%q is not a port with its protocol, like %s/tcp", clip(p.rest()), clip(digits))
}

func isAddrByte(c byte) bool { return isHex(c) || c == '.' || c == ':' }

// bracketed returns the length of an IPv6 constant that comes next, brackets
// included, 0 if there is none. A bracket may also begin an index.
func (p *parser) bracketed() int {
	s := p.rest()
	if !strings.HasPrefix(s, "[") {
		return 0
	}
	n, colon := 1, false
	for n < len(s) && isAddrByte(s[n]) {
		colon = colon || s[n] == ':'
		n++
	}
	if !colon || n >= len(s) || s[n] != ']' {
		return 0
	}
	return n + 1
}

func (p *parser) addr() (any, error) {
	start := p.skip()
	var text string
	if n := p.bracketed(); n > 0 {
		text = p.text[start+1 : start+n-1]
		p.pos += n
	} else {
		text = p.span(isAddrByte)
	}
	if text == "" {
		return nil, p.expected("an address")
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		p.pos = start
		return nil, p.errorf("%q is no address", clip(text))
	}
	return dict.Addr(a), nil
}

func (p *parser) subnet() (any, error) {
	start := p.skip()
	v, err := p.addr()
	if err != nil {
		return nil, err
	}
	a := v.(netip.Addr)
	if !p.take("/") {
		p.pos = start
		return nil, p.errorf("%v is an address; a subnet has a width, like %v/%d", a, a, a.BitLen())
	}
	p.skip()
	n, err := strconv.Atoi(p.span(isDigit))
	if err != nil || n > a.BitLen() {
		// A mapped address was written as IPv6, so its width counts from there.
		if !strings.Contains(p.text[start:p.pos], ":") || err != nil || n < 96 || n > 128 {
			p.pos = start
			return nil, p.errorf("the width of the subnet is not between 0 and %d", a.BitLen())
		}
		n -= 96
	}
	return dict.Prefix(netip.PrefixFrom(a, n)), nil
}

// container reads {a, b}, set(a, b), table([k] = v) and names of options.
func (p *parser) container(t *Type) (any, error) {
	if v, ok, err := p.option(t); ok || err != nil {
		return v, err
	}
	c := p.ev.r.newContainer(t)
	start := p.skip()
	var end string
	switch {
	case p.take("{"):
		end = "}"
	case t.Kind == KindSet && p.take("set("), t.Kind == KindTable && p.take("table("):
		end = ")"
	case p.lenient:
		return c, p.element(c)
	default:
		return nil, p.errorf("a %s is written in braces: {%s}", kindNames[t.Kind], clip(p.text[start:]))
	}
	for {
		if p.take(end) {
			return c, nil
		}
		if err := p.element(c); err != nil {
			return nil, err
		}
		if p.take(end) {
			return c, nil
		}
		if !p.take(",") {
			return nil, p.expected("a comma or " + end)
		}
	}
}

// element reads one element, or the name of an option whose elements count.
func (p *parser) element(c *container) error {
	t := c.t
	start := p.skip()
	if o := p.ev.r.options[p.word()]; o != nil && o.typ.String() == t.String() {
		c.add(p.ev.get(o).(*container))
		return nil
	}
	p.pos = start
	index := make([]any, len(t.Index))
	brackets := false
	if t.Kind == KindTable || len(index) > 1 || p.bracketed() == 0 {
		brackets = p.take("[")
	}
	if len(index) > 1 && !brackets {
		return p.expected("an index in brackets")
	}
	for i, x := range t.Index {
		if i > 0 && !p.take(",") {
			return p.expected("a comma")
		}
		var err error
		if index[i], err = p.value(x); err != nil {
			return err
		}
	}
	if brackets && !p.take("]") {
		return p.expected("a closing bracket")
	}
	var yield any
	if t.Kind == KindTable {
		if !p.take("=") {
			if p.lenient {
				return p.expected("a = with a value")
			}
			return p.expected("a = with a value, as in {[key] = value},")
		}
		var err error
		if yield, err = p.value(t.Yield); err != nil {
			return err
		}
	}
	c.put(index, yield)
	return nil
}

// vector reads vector(a, b), [a, b] and {a, b}.
func (p *parser) vector(t *Type) (any, error) {
	if v, ok, err := p.option(t); ok || err != nil {
		return v, err
	}
	var end string
	switch {
	case p.take("["):
		end = "]"
	case p.take("{"):
		end = "}"
	case p.take("vector("):
		end = ")"
	default:
		return nil, p.expected("a vector, like [a, b],")
	}
	list := []any{}
	for {
		if p.take(end) {
			return list, nil
		}
		v, err := p.value(t.Yield)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if p.take(end) {
			return list, nil
		}
		if !p.take(",") {
			return nil, p.expected("a comma or " + end)
		}
	}
}
