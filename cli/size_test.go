package cli

import (
	"strings"
	"testing"
)

func TestSizesAreReadWithTheirUnits(t *testing.T) {
	for text, want := range map[string]uint64{
		"67108864": 64 << 20, "512M": 512 << 20, "512mb": 512 << 20, "4G": 4 << 30, "4GiB": 4 << 30, "100000K": 100000 << 10, "1T": 1 << 40,
	} {
		var s size
		if err := s.Set(text); err != nil || uint64(s) != want {
			t.Errorf("%s: %d, %v, want %d", text, uint64(s), err, want)
		}
	}
	for text, want := range map[string]string{
		"": "no size", "M": "no size", "4X": "no size", "-1G": "no size", "1.5G": "no size", "M4": "no size",
		"20000000T": "no size", "63M": "too small", "64": "too small",
	} {
		var s size
		if err := s.Set(text); err == nil || !strings.Contains(err.Error(), want) || s != 0 {
			t.Errorf("%s: %v, %d", text, err, uint64(s))
		}
	}
}
