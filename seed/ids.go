package seed

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"github.com/dchest/siphash"

	"github.com/gzeek/gzeek/internal/slab"
)

// The pools that Zeek counts identifiers in (util.h).
const (
	poolInternal = 1  // connections, tunnels
	poolScript   = 2  // unique_id
	poolCustom   = 10 // unique_id_from, added to the script's number
	poolLimit    = 10000
)

// IDs makes the identifiers of a run. The uids of connections and tunnels come
// from one sequence, so who asks first gets the earlier one.
//
// An IDs belongs to one goroutine, but for FileID and AppendFileID, which only
// read.
type IDs struct {
	keys  *Keys
	bits  uint
	pools map[int]*pool
	first pool // poolInternal, which is asked for each connection
	uids  slab.Text
}

type pool struct{ instance, counter uint64 }

// NewIDs starts the sequences. bitsPerUID is the option bits_per_uid (96 by
// default); as in Zeek more than 128 are 128.
func NewIDs(keys *Keys, bitsPerUID uint64) *IDs {
	ids := &IDs{keys: keys, bits: uint(min(bitsPerUID, 128)), pools: map[int]*pool{}}
	ids.first = ids.newPool(poolInternal)
	ids.pools[poolInternal] = &ids.first
	return ids
}

func (ids *IDs) newPool(n int) pool {
	if ids.keys.fixed {
		return pool{instance: uint64(n)}
	}
	// Without a seed the instance only has to differ from those of other runs.
	var b [8]byte
	rand.Read(b[:])
	return pool{instance: binary.LittleEndian.Uint64(b[:]) | 1}
}

func (ids *IDs) next(p *pool) uint64 {
	p.counter++
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], p.instance)
	binary.LittleEndian.PutUint64(b[8:], p.counter)
	return siphash.Hash(ids.keys.sip0, ids.keys.sip1, b[:])
}

// NextUID makes the next uid of a connection or tunnel: "C" and digits.
func (ids *IDs) NextUID() string {
	var b [maxUID]byte
	return ids.uids.String(ids.AppendUID(b[:0]))
}

// AppendUID appends what NextUID returns.
func (ids *IDs) AppendUID(dst []byte) []byte {
	var w [2]uint64
	for i := range ids.words() {
		w[i] = ids.next(&ids.first)
	}
	return ids.append(append(dst, 'C'), w)
}

// FileID is the id of the file with that handle, "F" and digits; "" for an empty
// handle, with which Zeek does not analyse the file.
func (ids *IDs) FileID(handle []byte) string {
	var b [maxUID]byte
	return string(ids.AppendFileID(b[:0], handle))
}

// AppendFileID appends what FileID returns.
func (ids *IDs) AppendFileID(dst, handle []byte) []byte {
	if len(handle) == 0 {
		return dst
	}
	w := ids.keys.StaticHash128(handle)
	if ids.words() < 2 {
		w[1] = 0
	}
	if ids.words() < 1 {
		w[0] = 0
	}
	return ids.append(append(dst, 'F'), w)
}

// maxUID is the longest uid: a letter and two words of up to 11 digits.
const maxUID = 1 + 2*11

func (ids *IDs) words() int { return int(ids.bits+63) / 64 }

// append writes both words, the unused ones as 0 (UID.cc: all words of the
// array are rendered). What is left over of 64 bits is cut from the first.
func (ids *IDs) append(dst []byte, w [2]uint64) []byte {
	if rem := ids.bits % 64; rem != 0 {
		w[0] >>= 64 - rem
	}
	return AppendBase62(AppendBase62(dst, w[0]), w[1])
}

// UniqueID is the builtin unique_id(prefix).
func (ids *IDs) UniqueID(prefix string) string { return ids.scriptID(poolScript, prefix) }

// UniqueIDFrom is the builtin unique_id_from(pool, prefix). A pool that Zeek
// refuses is an error: 9990 and more, or one that would reach below the first.
func (ids *IDs) UniqueIDFrom(pool int, prefix string) (string, error) {
	n := pool + poolCustom
	if pool < -poolCustom || n >= poolLimit {
		return "", fmt.Errorf("unique_id_from: the pool %d is not between %d and %d", pool, -poolCustom, poolLimit-poolCustom-1)
	}
	return ids.scriptID(n, prefix), nil
}

func (ids *IDs) scriptID(n int, prefix string) string {
	p := ids.pools[n]
	if p == nil {
		v := ids.newPool(n)
		p = &v
		ids.pools[n] = p
	}
	// Zeek has room for 19 characters, prefix included.
	const room = 19
	var b [room + 11]byte
	s := b[:0]
	s = append(s, prefix[:min(len(prefix), room)]...)
	s = AppendBase62(s, ids.next(p))
	return string(s[:min(len(s), room)])
}

// AppendBase62 appends v in Zeek's base 62: the least significant digit first,
// small letters before capitals.
func AppendBase62(dst []byte, v uint64) []byte {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for {
		dst = append(dst, digits[v%62])
		if v /= 62; v == 0 {
			return dst
		}
	}
}
