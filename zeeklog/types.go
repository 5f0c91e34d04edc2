package zeeklog

import (
	"fmt"
	"strings"
)

// Kind is the kind of a value in a log, as Zeek's type tags.
type Kind uint8

// The kinds, in no particular order; [Unset] is the zero value.
const (
	Unset Kind = iota
	Bool
	Count
	Int
	Double
	Time
	Interval
	String
	Port
	Addr
	Subnet
	Enum
	Pattern
	Func
	File
	Set
	Vector
	Any // "any" in a set or vector whose element type Zeek did not know
)

var kindNames = [...]string{
	Unset: "void", Bool: "bool", Count: "count", Int: "int", Double: "double",
	Time: "time", Interval: "interval", String: "string", Port: "port",
	Addr: "addr", Subnet: "subnet", Enum: "enum", Pattern: "pattern",
	Func: "func", File: "file", Set: "set", Vector: "vector", Any: "any",
}

// String gives Zeek's name of the kind, as in a #types line.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ParseKind finds the kind with the given name of Zeek.
func ParseKind(name string) (Kind, bool) {
	for k, n := range kindNames {
		if n == name {
			return Kind(k), true
		}
	}
	// Older Zeek logs say "table" where newer ones say "set".
	if name == "table" {
		return Set, true
	}
	return Unset, false
}

// Type is the type of a column: a kind, and for Set and Vector that of the elements.
type Type struct {
	Kind Kind
	Elem Kind // of Set and Vector only
}

// T is the type of a plain kind.
func T(k Kind) Type { return Type{Kind: k} }

// SetOf is the type set[elem].
func SetOf(elem Kind) Type { return Type{Kind: Set, Elem: elem} }

// VectorOf is the type vector[elem].
func VectorOf(elem Kind) Type { return Type{Kind: Vector, Elem: elem} }

// IsContainer tells whether values of the type have elements.
func (t Type) IsContainer() bool { return t.Kind == Set || t.Kind == Vector }

// String gives the type as in a #types line: "addr", "set[string]".
// Zeek: src/threading/SerialTypes.cc, Field::TypeName.
func (t Type) String() string {
	if t.IsContainer() {
		return t.Kind.String() + "[" + t.Elem.String() + "]"
	}
	return t.Kind.String()
}

// ParseType reads what [Type.String] writes.
func ParseType(s string) (Type, error) {
	if name, rest, ok := strings.Cut(s, "["); ok {
		elem, closed := strings.CutSuffix(rest, "]")
		k, ok := ParseKind(name)
		e, ok2 := ParseKind(elem)
		if !closed || !ok || !ok2 || (k != Set && k != Vector) || e == Set || e == Vector {
			return Type{}, fmt.Errorf("unknown type %q", s)
		}
		return Type{Kind: k, Elem: e}, nil
	}
	k, ok := ParseKind(s)
	if !ok || k == Set || k == Vector || k == Unset {
		return Type{}, fmt.Errorf("unknown type %q", s)
	}
	return Type{Kind: k}, nil
}

// Column is one column of a stream or of a log: records are flattened, so the
// originator's address in a connection's id is "id.orig_h".
type Column struct {
	Name string
	Type Type
}

// Col is a column of a plain kind.
func Col(name string, k Kind) Column { return Column{Name: name, Type: Type{Kind: k}} }
