// Package seed holds what makes two runs of Zeek with the same seed file give
// the same bytes: the keys of its hash functions, the identifiers of
// connections and files, and its random numbers.
//
// It isn't a general hashing package: SipHash, HighwayHash, MD5 and SHA-256 come
// from libraries, this package knows only which key goes where. The dictionary
// whose order depends on these keys is in package dict.
//
// Source in Zeek: src/util.cc (init_random_seed, prng, calculate_unique_id,
// uitoa_n), src/Hash.cc (KeyedHash), src/UID.cc, file_analysis/Manager.cc
// (HashHandle), zeek.bif (rand, unique_id, fnv1a32, md5_hmac).
package seed

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"github.com/dchest/siphash"
	"github.com/minio/highwayhash"
)

// Count is how many numbers a seed has.
const Count = 21

// DefaultDigestSalt is the default of the option digest_salt.
const DefaultDigestSalt = "Please change this value."

// Keys are the numbers of a seed and the keys derived from them. They are
// read-only after their making, so any number of goroutines may share them.
type Keys struct {
	numbers [Count]uint32
	// fixed says that the run is to be repeatable: the numbers were given.
	fixed bool

	sip0, sip1 uint64
	process    [32]byte // HighwayHash, from the numbers
	cluster    [32]byte // HighwayHash, from digest_salt
	hmac       [16]byte
}

// New derives the keys from the numbers of a seed file, for a repeatable run.
func New(numbers [Count]uint32) *Keys {
	k := &Keys{numbers: numbers, fixed: true}
	// Number 0 is for the random numbers alone; 1 to 16 are digested, 17 to 20
	// are a key as they stand (Hash.cc, KeyedHash::InitializeSeeds).
	var buf [(Count - 1) * 4]byte
	for i, n := range numbers[1:] {
		binary.LittleEndian.PutUint32(buf[i*4:], n)
	}
	k.sip0 = binary.LittleEndian.Uint64(buf[64:])
	k.sip1 = binary.LittleEndian.Uint64(buf[72:])
	k.process = sha256.Sum256(buf[:64])
	k.hmac = md5.Sum(buf[:64])
	k.cluster = sha256.Sum256([]byte(DefaultDigestSalt))
	return k
}

// Random takes the numbers from the system's random source: no two runs are
// alike, as in Zeek without a seed.
func Random() *Keys {
	var b [Count * 4]byte
	rand.Read(b[:]) // never fails, see its documentation
	var numbers [Count]uint32
	for i := range numbers {
		numbers[i] = binary.LittleEndian.Uint32(b[i*4:])
	}
	k := New(numbers)
	k.fixed = false
	return k
}

// Parse reads the numbers of a seed from text: at least 21 decimal numbers below
// 2^32 separated by white space; what follows the 21st is not looked at, as in
// Zeek. name says in errors where the text is from.
func Parse(name, text string) (*Keys, error) {
	var numbers [Count]uint32
	i := 0
	for word := range strings.FieldsSeq(text) {
		n, err := strconv.ParseUint(word, 10, 32)
		if err != nil {
			if len(word) > 20 {
				word = word[:20] + "..."
			}
			if errors.Is(err, strconv.ErrRange) {
				return nil, fmt.Errorf("%s: number %d, %s, is 2^32 or more; seeds are smaller", name, i+1, word)
			}
			return nil, fmt.Errorf("%s: number %d, %q, is not a decimal number without a sign", name, i+1, word)
		}
		numbers[i] = uint32(n)
		if i++; i == Count {
			return New(numbers), nil
		}
	}
	return nil, fmt.Errorf("%s: a seed has %d numbers, but there are only %d", name, Count, i)
}

// maxFile bounds how much of a seed file is read: 21 numbers have room many
// times over.
const maxFile = 1 << 16

// Load reads a seed file. Its errors are sentences that name the file.
func Load(path string) (*Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the seed file %s: %w", path, cause(err))
	}
	defer f.Close()
	buf := make([]byte, maxFile)
	n := 0
	for n < len(buf) {
		m, err := f.Read(buf[n:])
		n += m
		if err != nil {
			var pe *fs.PathError
			if errors.As(err, &pe) {
				return nil, fmt.Errorf("cannot read the seed file %s: %w", path, pe.Err)
			}
			break // the end of the file
		}
	}
	return Parse("seed file "+path, string(buf[:n]))
}

// cause takes the operation and path off an error that names them itself.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Choose finds the seed of a run as Zeek does: file is the argument of -G, ""
// without; getenv (os.Getenv) is asked for ZEEK_SEED_FILE, which -G overrides,
// and ZEEK_SEED_VALUES, which goes with neither. Without any of them the keys
// are random.
func Choose(file string, getenv func(string) string) (*Keys, error) {
	from := "-G"
	if file == "" {
		file, from = getenv("ZEEK_SEED_FILE"), "ZEEK_SEED_FILE"
	}
	values := getenv("ZEEK_SEED_VALUES")
	switch {
	case file != "" && values != "":
		return nil, fmt.Errorf("both %s (%s) and ZEEK_SEED_VALUES give a seed; keep one of them", from, file)
	case file != "":
		return Load(file)
	case values != "":
		return Parse("ZEEK_SEED_VALUES", values)
	}
	return Random(), nil
}

// Save writes the numbers to a file that Load reads, one a line: Zeek's -H. The
// keys count as fixed from then on (as in Zeek), so a later run with the file
// repeats this one; call it before IDs and Rand are made.
func (k *Keys) Save(path string) error {
	var b strings.Builder
	for _, n := range k.numbers {
		fmt.Fprintf(&b, "%d\n", n)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		return fmt.Errorf("cannot write the seed file %s: %w", path, cause(err))
	}
	k.fixed = true
	return nil
}

// Fixed says whether the run is repeatable: its seed was given or saved.
func (k *Keys) Fixed() bool { return k.fixed }

// Numbers returns the numbers of the seed.
func (k *Keys) Numbers() [Count]uint32 { return k.numbers }

// SetDigestSalt derives the key of file ids from the option digest_salt. They
// do not depend on the seed. Call it before the keys are shared.
func (k *Keys) SetDigestSalt(salt string) {
	k.cluster = sha256.Sum256([]byte(salt))
}

// Hash64 is Zeek's Hash64: SipHash-2-4 with the seed's key. It decides the
// order of dictionaries and the connection uids.
func (k *Keys) Hash64(b []byte) uint64 { return siphash.Hash(k.sip0, k.sip1, b) }

// Hash64String is Hash64 of a string's bytes.
func (k *Keys) Hash64String(s string) uint64 {
	return siphash.Hash(k.sip0, k.sip1, unsafe.Slice(unsafe.StringData(s), len(s)))
}

// StaticHash128 is Zeek's StaticHash128: HighwayHash with the key of
// digest_salt, the same in all runs.
func (k *Keys) StaticHash128(b []byte) [2]uint64 { return highway128(b, &k.cluster) }

// Hash128 is Zeek's Hash128: HighwayHash with a key of the seed.
func (k *Keys) Hash128(b []byte) [2]uint64 { return highway128(b, &k.process) }

func highway128(b []byte, key *[32]byte) [2]uint64 {
	sum := highwayhash.Sum128(b, key[:])
	return [2]uint64{binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:])}
}

// HMACMD5 is the builtin md5_hmac of the parts put together, in hex. It is not
// the HMAC of RFC 2104 (util.cc, hmac_md5).
func (k *Keys) HMACMD5(parts ...[]byte) string {
	h := md5.New()
	for _, p := range parts {
		h.Write(p)
	}
	var d [md5.Size]byte
	h.Sum(d[:0])
	for i := range d {
		d[i] ^= k.hmac[i]
	}
	d = md5.Sum(d[:])
	return hex.EncodeToString(d[:])
}

// FNV1a32 is the builtin fnv1a32 of a string.
func FNV1a32(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}
