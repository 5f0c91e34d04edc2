package zeeklog

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestJSONNumbersHaveTheDigitsOfZeeksLibraryNotTheShortest(t *testing.T) {
	// Both stand in logs that Zeek wrote; the shortest form has one digit less.
	for _, want := range []string{"1685591666.4157479", "1663887083.0089009"} {
		f, err := strconv.ParseFloat(want, 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendJSONDouble(nil, f)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestJSONNumbersReadBackTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	try := func(f float64) {
		if f == 0 || math.IsNaN(f) || math.IsInf(f, 0) {
			return
		}
		s := string(appendJSONDouble(nil, f))
		if g, err := strconv.ParseFloat(s, 64); err != nil || g != f {
			t.Fatalf("%v written as %s reads back as %v (%v)", f, s, g, err)
		}
	}
	for _, f := range []float64{math.SmallestNonzeroFloat64, math.MaxFloat64, 0x1p-1022, 0x1p-1022 - 0x1p-1074, 1, 10, 0.1, 1e21, 1e-6, 1e-7} {
		try(f)
		try(-f)
	}
	for range 200000 {
		try(math.Float64frombits(r.Uint64()))
		try(1.7e9 + float64(r.Int64N(1e14))/1e6)
	}
}
