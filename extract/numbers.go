package extract

import "math"

// ExtractCount is extract_count: the first run of digits in s as a number, with first false the last one; 0 if there is none.
// What is too large is 2^64-1.
func ExtractCount(s []byte, first bool) uint64 {
	if first {
		i := 0
		for i < len(s) && !isDigit(s[i]) {
			i++
		}
		end := i
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		return digitsToCount(s[i:end])
	}
	end := len(s)
	for end > 0 && !isDigit(s[end-1]) {
		end--
	}
	i := end
	for i > 0 && isDigit(s[i-1]) {
		i--
	}
	return digitsToCount(s[i:end])
}

func digitsToCount(s []byte) uint64 {
	var n uint64
	for _, c := range s {
		d := uint64(c - '0')
		if n > (math.MaxUint64-d)/10 {
			return math.MaxUint64
		}
		n = n*10 + d
	}
	return n
}
