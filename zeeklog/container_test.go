package zeeklog

import "testing"

// Elements can't be taken for separators, in any writer that has no lists.
func TestElementsOfAContainerInOneText(t *testing.T) {
	var set, empty Value
	empty.SetEmptyVector()
	set.SetEmptySet()
	for _, s := range []string{"a,b", "-", "(empty)", "", "tab\t", "\xc3\xa9"} {
		set.AppendElem().SetString(s)
	}
	text := NewContainerText(",", "-", "(empty)")
	for range 2 { // the second set of a log, too
		const want = `a\x2cb,\x2d,\x28empty),(empty),tab\x09,\xc3\xa9`
		if got := string(text.Append(nil, &set)); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
	if got := string(text.Append([]byte("x"), &empty)); got != "x(empty)" {
		t.Errorf("empty: %s", got)
	}
}
