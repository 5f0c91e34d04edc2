package intel

import (
	"fmt"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/seed"
)

// Type is a value of Zeek's enum Intel::Type; its number decides the order in
// which the column matched is written.
type Type = dict.Enum

// The types of Zeek's scripts.
var (
	TypeAddr       = Type{Number: 0, Name: "Intel::ADDR"}
	TypeSubnet     = Type{Number: 1, Name: "Intel::SUBNET"}
	TypeURL        = Type{Number: 2, Name: "Intel::URL"}
	TypeSoftware   = Type{Number: 3, Name: "Intel::SOFTWARE"}
	TypeEmail      = Type{Number: 4, Name: "Intel::EMAIL"}
	TypeDomain     = Type{Number: 5, Name: "Intel::DOMAIN"}
	TypeUserName   = Type{Number: 6, Name: "Intel::USER_NAME"}
	TypeCertHash   = Type{Number: 7, Name: "Intel::CERT_HASH"}
	TypePubkeyHash = Type{Number: 8, Name: "Intel::PUBKEY_HASH"}
	TypeFileHash   = Type{Number: 9, Name: "Intel::FILE_HASH"}
	TypeFileName   = Type{Number: 10, Name: "Intel::FILE_NAME"}
)

// Where is a value of Zeek's open enum Intel::Where: the place where something
// was seen.
type Where = dict.Enum

// Anywhere is a place that isn't told.
var Anywhere = Where{Number: 0, Name: "Intel::IN_ANYWHERE"}

// vocabulary is what the enums hold in this run.
type vocabulary struct {
	types  map[string]Type
	wheres map[string]Where
}

func newVocabulary() vocabulary {
	v := vocabulary{types: map[string]Type{}, wheres: map[string]Where{Anywhere.Name: Anywhere}}
	for _, t := range []Type{
		TypeAddr, TypeSubnet, TypeURL, TypeSoftware, TypeEmail, TypeDomain, TypeUserName,
		TypeCertHash, TypePubkeyHash, TypeFileHash, TypeFileName,
	} {
		v.types[t.Name] = t
	}
	return v
}

// DeclareType adds a value to Intel::Type while policies are loaded; a name that
// is there already keeps its number.
func (f *Framework) DeclareType(name string) Type {
	t, ok := f.names.types[name]
	if !ok {
		t = Type{Number: len(f.names.types), Name: name}
		f.names.types[name] = t
		f.store.counts = append(f.store.counts, 0)
	}
	return t
}

// DeclareWhere adds a value to Intel::Where while policies are loaded; a name
// that is there already keeps its number.
func (f *Framework) DeclareWhere(name string) Where {
	w, ok := f.names.wheres[name]
	if !ok {
		w = Where{Number: len(f.names.wheres), Name: name}
		f.names.wheres[name] = w
	}
	return w
}

// Item is an indicator from one source, Intel::Item.
type Item struct {
	Indicator string
	Type      Type
	Meta      *MetaData
}

// MetaData is what a source says of an indicator, Intel::MetaData. It isn't
// changed once it was inserted.
type MetaData struct {
	Source          string
	Desc, URL       string
	HasDesc, HasURL bool

	extra []extra // by field, see AddMetaBool
}

// extra is the value of a field that a policy added.
type extra struct {
	set    bool
	number int
}

// metaField is a field that a policy added to MetaData.
type metaField struct {
	name string // of the column, "meta.do_notice"
	enum bool   // an Intel::Where, else a bool
}

// A MetaBool is a bool field of MetaData with the default F.
type MetaBool struct{ i int }

// AddMetaBool adds a field while policies are loaded (redef record
// Intel::MetaData += { name: bool &default=F }). Indicator files have it as
// "meta.name". The order of fields counts for the order of sets.
func (f *Framework) AddMetaBool(name string) MetaBool {
	return MetaBool{f.addField(metaField{name: "meta." + name})}
}

// A MetaWhere is an optional field of MetaData of type Where.
type MetaWhere struct{ i int }

// AddMetaWhere adds a field while policies are loaded (redef record
// Intel::MetaData += { name: Intel::Where &optional }).
func (f *Framework) AddMetaWhere(name string) MetaWhere {
	return MetaWhere{f.addField(metaField{name: "meta." + name, enum: true})}
}

func (f *Framework) addField(m metaField) int {
	f.fields = append(f.fields, m)
	return len(f.fields) - 1
}

// Get returns the field of m.
func (b MetaBool) Get(m *MetaData) bool { return m.get(b.i).number != 0 }

// Set sets the field of m, which was not inserted yet.
func (b MetaBool) Set(m *MetaData, v bool) {
	n := 0
	if v {
		n = 1
	}
	m.set(b.i, extra{true, n})
}

// Is says whether the field of m is unset or w: restrictions are such fields.
func (f MetaWhere) Is(m *MetaData, w Where) bool {
	v := m.get(f.i)
	return !v.set || v.number == w.Number
}

// Set sets the field of m, which was not inserted yet.
func (f MetaWhere) Set(m *MetaData, w Where) { m.set(f.i, extra{true, w.Number}) }

func (m *MetaData) get(i int) extra {
	if i < len(m.extra) {
		return m.extra[i]
	}
	return extra{}
}

func (m *MetaData) set(i int, v extra) {
	for len(m.extra) <= i {
		m.extra = append(m.extra, extra{})
	}
	m.extra[i] = v
}

// key appends the bytes of a MetaData in the key of a set.
func (f *Framework) key(k dict.Key, m *MetaData) dict.Key {
	k = k.String(m.Source).Optional(m.HasDesc)
	if m.HasDesc {
		k = k.String(m.Desc)
	}
	if k = k.Optional(m.HasURL); m.HasURL {
		k = k.String(m.URL)
	}
	for i, field := range f.fields {
		v := m.get(i)
		if !field.enum {
			// A default makes a field optional, and always set.
			k = k.Optional(true).Bool(v.number != 0)
		} else if k = k.Optional(v.set); v.set {
			k = k.Enum(v.number)
		}
	}
	return k
}

func (f *Framework) hashItem(keys *seed.Keys, item *Item) uint32 {
	var b [256]byte
	return f.key(dict.Key(b[:0]).String(item.Indicator).Enum(item.Type.Number), item.Meta).Hash(keys)
}

func (f *Framework) hashMeta(keys *seed.Keys, m *MetaData) uint32 {
	var b [256]byte
	return f.key(dict.Key(b[:0]), m).Hash(keys)
}

// String is the indicator with its type, for messages.
func (i *Item) String() string { return fmt.Sprintf("%q (%s)", i.Indicator, i.Type.Name) }
