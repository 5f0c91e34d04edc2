package files

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"github.com/gzeek/gzeek/event"
)

// hashKinds are the hashing analyzers; kind is what file_hash says.
var hashKinds = [...]struct {
	name, kind string
	new        func() hash.Hash
}{
	{"MD5", "md5", md5.New},
	{"SHA1", "sha1", sha1.New},
	{"SHA256", "sha256", sha256.New},
}

// hashAnalyzer is MD5, SHA1 or SHA256 (analyzer/hash/Hash.cc): a digest of the
// whole content or none at all.
type hashAnalyzer struct {
	passive
	hash.Hash
	kind int // index of hashKinds
	fed  bool
}

// newHash returns nil for other names, and if nobody wants to know.
func (m *Manager) newHash(name string) *hashAnalyzer {
	if !m.events.FileHash.Wanted() {
		return nil
	}
	for i := range hashKinds {
		if hashKinds[i].name != name {
			continue
		}
		if free := m.freeHashes[i]; len(free) > 0 {
			h := free[len(free)-1]
			m.freeHashes[i] = free[:len(free)-1]
			return h
		}
		return &hashAnalyzer{Hash: hashKinds[i].new(), kind: i}
	}
	return nil
}

func (h *hashAnalyzer) deliverStream(_ *file, data []byte) bool {
	if len(data) > 0 {
		h.fed = true
		h.Write(data)
	}
	return true
}

func (h *hashAnalyzer) undelivered(*file, uint64, uint64) bool { return false }

// endOfFile raises file_hash. The event carries the record as it is: the
// counters are brought up to date only by file_state_remove, which follows.
func (h *hashAnalyzer) endOfFile(f *file) bool {
	if h.fed {
		var sum [sha256.Size]byte
		f.m.events.FileHash.Enqueue(event.FileHash{
			File: &f.rec.File,
			Kind: hashKinds[h.kind].kind,
			Hash: hex.EncodeToString(h.Sum(sum[:0])),
		})
	}
	return false
}

func (h *hashAnalyzer) release(m *Manager) {
	h.Reset()
	h.fed = false
	m.freeHashes[h.kind] = append(m.freeHashes[h.kind], h)
}
