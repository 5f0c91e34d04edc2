package dict

import (
	"iter"

	"github.com/gzeek/gzeek/seed"
)

// Expiry says what keeps an entry of an Expiring table alive.
type Expiry uint8

// The attributes of Zeek's tables.
const (
	CreateExpire Expiry = iota // counts from the first assignment
	WriteExpire                // each assignment counts anew
	ReadExpire                 // each lookup too
)

// A Clock is where an Expiring table reads network time, in seconds since the
// epoch. Start is the time of the first packet, 0 before it.
type Clock interface {
	Now() float64
	Start() float64
}

// Expiring is a table whose entries expire (&create_expire, &write_expire,
// &read_expire, &expire_func). Entries go when Expire runs and at no other time:
// a lookup finds an entry however old it is.
//
// It owns no timer; the owner arms it as Zeek does (Val.cc, TableVal::CheckExpireAttr
// and DoExpire):
//
//   - when the table is made, a timer for the time 1, which is long over: it
//     fires with the first packet, before that packet is analysed, and after
//     (in the heap's order) other timers of that time;
//   - in the timer: if the run is expiring (timer.Timer.Fire), nothing.
//     Otherwise call Expire with the time the timer manager advanced to and
//     table_incremental_step,
//     then arm it again for network time + table_expire_interval (10 s) when
//     done is true, + table_expire_delay (0.01 s) when entries are left to look
//     at.
//
// So the timer is armed for good, whether the table has entries or not.
type Expiring[K comparable, V any] struct {
	keys  *seed.Keys
	hash  HashFunc[K]
	clock Clock
	kind  Expiry
	d     core[K, expEntry[V]]
	it    *robust[K]

	// Timeout is the age in seconds. Negative: nothing expires. It may change.
	Timeout float64
	// OnExpire is the &expire_func. It may use the table. When it returns more
	// than 0, the entry stays for about so many seconds. v is borrowed for the
	// call and not to be used after a change of the table.
	OnExpire func(k K, v *V) (seconds float64)
	// OnRemoved hears of each entry that expired, after it is gone: where a
	// table with &on_change would be told, or who frees what v holds.
	OnRemoved func(k K, v V)
}

type expEntry[V any] struct {
	v      V
	access int32 // whole seconds since the first packet
}

// NewExpiring makes an empty table.
func NewExpiring[K comparable, V any](keys *seed.Keys, hash HashFunc[K], clock Clock, kind Expiry, timeout float64) *Expiring[K, V] {
	t := &Expiring[K, V]{keys: keys, hash: hash, clock: clock, kind: kind, Timeout: timeout}
	t.d.remapEnd = -1
	return t
}

// stamp is the access time of an entry touched at time now. Before the first
// packet both times are 0.
func (t *Expiring[K, V]) stamp(now float64) int32 { return int32(now - t.clock.Start()) }

// Len returns the number of entries.
func (t *Expiring[K, V]) Len() int { return t.d.n }

// Set is `t[k] = v` (or `add t[k]`).
func (t *Expiring[K, V]) Set(k K, v V) {
	h := t.hash(t.keys, k)
	e := expEntry[V]{v: v, access: t.stamp(t.clock.Now())}
	old, existed := t.d.insert(k, h, e)
	if existed && t.kind == CreateExpire {
		if pos, ok := t.d.lookup(k, h); ok {
			t.d.slots[pos].value.access = old.access
		}
	}
}

// Get returns the value of k and whether there is one.
func (t *Expiring[K, V]) Get(k K) (v V, found bool) {
	if p := t.Ref(k); p != nil {
		return *p, true
	}
	return v, false
}

// Has is `k in t`, which counts as a read.
func (t *Expiring[K, V]) Has(k K) bool { return t.Ref(k) != nil }

// Ref returns the place of the value of k, nil without one; it is borrowed until
// the next call for this table. It counts as a read, not as a write.
func (t *Expiring[K, V]) Ref(k K) *V {
	if t.d.n == 0 {
		return nil
	}
	pos, found := t.d.lookup(k, t.hash(t.keys, k))
	if !found {
		return nil
	}
	e := &t.d.slots[pos].value
	if t.kind == ReadExpire {
		e.access = t.stamp(t.clock.Now())
	}
	return &e.v
}

// Delete takes k out and says whether it was there.
func (t *Expiring[K, V]) Delete(k K) bool {
	_, existed := t.d.remove(k, t.hash(t.keys, k))
	return existed
}

// Clear is the builtin clear_table; it also ends a pending run.
func (t *Expiring[K, V]) Clear() {
	t.d.reset()
	t.it = nil
}

// All visits the entries in Zeek's order. It is no read.
func (t *Expiring[K, V]) All() iter.Seq2[K, V] { return t.each }

func (t *Expiring[K, V]) each(yield func(K, V) bool) {
	t.d.iterating++
	defer t.d.endIteration()
	for i := 0; i < len(t.d.slots); i++ {
		if s := &t.d.slots[i]; s.dist != empty && !yield(s.key, s.value.v) {
			return
		}
	}
}

// Expire removes what is older than Timeout, in table order, and looks at step
// entries at most. now is what the timer was fired with. done says that the whole
// table was looked at; else the next call goes on where this one ended.
func (t *Expiring[K, V]) Expire(now float64, step int) (done bool) {
	if t.Timeout < 0 {
		return true
	}
	if t.it == nil {
		t.it = newRobust(&t.d)
	}
	for i := 0; i < step && !t.it.done; i++ {
		t.expireOne(now)
		if t.it == nil { // cleared by OnExpire
			return true
		}
		stepRobust(&t.d, t.it)
	}
	if t.it.done {
		endRobust(&t.d, t.it)
		t.it = nil
		return true
	}
	return false
}

// expireOne looks at the entry at which the iteration stands.
func (t *Expiring[K, V]) expireOne(now float64) {
	k, h := t.it.curr.key, t.it.curr.hash
	pos, found := t.d.lookup(k, h)
	if !found {
		return
	}
	at := t.clock.Start() + float64(t.d.slots[pos].value.access)
	// An entry at time 0 was made before time began.
	if at == 0 || !(at+t.Timeout < now) {
		return
	}
	if t.OnExpire != nil {
		seconds := t.OnExpire(k, &t.d.slots[pos].value.v)
		if t.it == nil {
			return
		}
		if pos, found = t.d.lookup(k, h); !found {
			return // it deleted the entry itself
		}
		if seconds > 0 {
			t.d.slots[pos].value.access = t.stamp(t.clock.Now() - t.Timeout + seconds)
			return
		}
	}
	e, _ := t.d.remove(k, h)
	if t.OnRemoved != nil {
		t.OnRemoved(k, e.v)
	}
}

// Expires says whether anything expires: with a negative Timeout nothing does,
// and Zeek's timer of such a table is not armed again.
func (t *Expiring[K, V]) Expires() bool { return t.Timeout >= 0 }
