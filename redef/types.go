package redef

import (
	"fmt"
	"strings"
)

// Kind is what an option's type is made of.
type Kind uint8

// The kinds of Zeek types that options have.
const (
	KindBool Kind = iota + 1
	KindCount
	KindInt
	KindDouble
	KindInterval
	KindString
	KindPort
	KindAddr
	KindSubnet
	KindEnum
	KindPattern
	KindSet
	KindTable
	KindVector
)

var kindNames = [...]string{KindBool: "bool", KindCount: "count", KindInt: "int", KindDouble: "double",
	KindInterval: "interval", KindString: "string", KindPort: "port", KindAddr: "addr", KindSubnet: "subnet",
	KindEnum: "enum", KindPattern: "pattern", KindSet: "set", KindTable: "table", KindVector: "vector"}

// Type is a Zeek type.
type Type struct {
	Kind  Kind
	Enum  *EnumType
	Index []*Type // of sets and tables
	Yield *Type   // of tables and vectors
}

// String is the type as Zeek writes it: "table[port] of interval".
func (t *Type) String() string {
	switch t.Kind {
	case KindEnum:
		return t.Enum.name
	case KindVector:
		return "vector of " + t.Yield.String()
	case KindSet, KindTable:
		var b strings.Builder
		b.WriteString(kindNames[t.Kind])
		b.WriteByte('[')
		for i, x := range t.Index {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(x.String())
		}
		b.WriteByte(']')
		if t.Kind == KindTable {
			b.WriteString(" of ")
			b.WriteString(t.Yield.String())
		}
		return b.String()
	}
	return kindNames[t.Kind]
}

var scalars = func() (ts [len(kindNames)]*Type) {
	for k := range ts {
		ts[k] = &Type{Kind: Kind(k)}
	}
	return ts
}()

func scalar(k Kind) *Type { return scalars[k] }

func setOf(index ...*Type) *Type { return &Type{Kind: KindSet, Index: index} }

// ParseType reads a type as Zeek writes it. Names that aren't those of built-in
// types are enums that the registry knows (see EnumType).
func (r *Registry) ParseType(text string) (*Type, error) {
	t, rest, err := r.parseType(text, 0)
	if err == nil && strings.TrimSpace(rest) != "" {
		err = fmt.Errorf("%q after the type", rest)
	}
	if err != nil {
		return nil, fmt.Errorf("type %q: %w", text, err)
	}
	return t, nil
}

func (r *Registry) parseType(s string, depth int) (*Type, string, error) {
	if depth > 4 {
		return nil, "", fmt.Errorf("nested too deeply")
	}
	s = strings.TrimLeft(s, " ")
	n := 0
	for n < len(s) && isIDByte(s[n]) {
		n++
	}
	word, s := s[:n], s[n:]
	of := func() (*Type, string, error) {
		rest, ok := strings.CutPrefix(strings.TrimLeft(s, " "), "of ")
		if !ok {
			return nil, "", fmt.Errorf("no \"of\" after %s", word)
		}
		return r.parseType(rest, depth+1)
	}
	switch word {
	case "vector":
		y, rest, err := of()
		return &Type{Kind: KindVector, Yield: y}, rest, err
	case "set", "table":
		t := &Type{Kind: KindSet}
		s = strings.TrimLeft(s, " ")
		for sep := "["; !strings.HasPrefix(s, "]"); sep = "," {
			rest, ok := strings.CutPrefix(s, sep)
			if !ok {
				return nil, "", fmt.Errorf("no %s in the index of %s", sep, word)
			}
			x, rest, err := r.parseType(rest, depth+1)
			if err != nil {
				return nil, "", err
			}
			if x.Kind >= KindPattern {
				return nil, "", fmt.Errorf("%v is not supported as an index", x)
			}
			t.Index = append(t.Index, x)
			s = strings.TrimLeft(rest, " ")
		}
		if len(t.Index) == 0 {
			return nil, "", fmt.Errorf("no index")
		}
		s = s[1:]
		if word == "set" {
			return t, s, nil
		}
		var err error
		t.Kind = KindTable
		t.Yield, s, err = of()
		return t, s, err
	}
	for k := KindBool; k < KindSet; k++ {
		if k != KindEnum && kindNames[k] == word {
			return scalar(k), s, nil
		}
	}
	if e := r.enums[word]; e != nil {
		return e.typ, s, nil
	}
	return nil, "", fmt.Errorf("%q is no known type", word)
}

// EnumType is a Zeek enum: names numbered from 0 in the order of declaration.
type EnumType struct {
	name   string
	typ    *Type
	values []enumValue
}

// enumValue is a value of an enum. short is how its declarer spells it.
type enumValue struct {
	full, short string
	number      int
}

// EnumType returns the enum of that Zeek name, and makes it if need be.
func (r *Registry) EnumType(name string) *EnumType {
	e := r.enums[name]
	if e == nil {
		e = &EnumType{name: name}
		e.typ = &Type{Kind: KindEnum, Enum: e}
		r.enums[name] = e
	}
	return e
}

// Add appends values, like `redef enum X += { ... }`; those that it has already
// stay. A value without a module is of the enum's own, so that "ACTION_LOG" of
// Notice::Action is Notice::ACTION_LOG. It returns e.
func (e *EnumType) Add(values ...string) *EnumType {
	for _, v := range values {
		full := e.full(v)
		if _, ok := e.lookup(full); !ok {
			e.values = append(e.values, enumValue{full, v, len(e.values)})
		}
	}
	return e
}

// Number returns the number of a value and whether there is one of that name.
func (e *EnumType) Number(value string) (int, bool) {
	v, ok := e.lookup(e.full(value))
	return v.number, ok
}

// Values returns the full names of the values, in order.
func (e *EnumType) Values() []string {
	names := make([]string, len(e.values))
	for i, v := range e.values {
		names[i] = v.full
	}
	return names
}

func (e *EnumType) full(v string) string {
	if i := strings.LastIndex(e.name, "::"); i >= 0 && !strings.Contains(v, "::") {
		return e.name[:i+2] + v
	}
	return v
}

func (e *EnumType) lookup(full string) (enumValue, bool) {
	for _, v := range e.values {
		if v.full == full {
			return v, true
		}
	}
	return enumValue{}, false
}

// find takes a name as users write it: with its module, or without where only
// one value can be meant.
func (e *EnumType) find(name string) (enumValue, error) {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "GLOBAL"), "::")
	if v, ok := e.lookup(name); ok {
		return v, nil
	}
	var found enumValue
	n := 0
	if !strings.Contains(name, "::") {
		for _, v := range e.values {
			if strings.HasSuffix(v.full, "::"+name) {
				found = v
				n++
			}
		}
	}
	switch n {
	case 1:
		return found, nil
	case 0:
		return found, fmt.Errorf("%s is no value of %s%s", clip(name), e.name, didYouMean(name, e.Values()))
	}
	return found, fmt.Errorf("%s may be several values of %s; write its module too", clip(name), e.name)
}
