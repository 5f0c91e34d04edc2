package mailgen

// ordered is what a timeline holds.
type ordered[T any] interface{ before(T) bool }

// timeline is a binary heap, the earliest first. container/heap would box
// each element.
type timeline[T ordered[T]] []T

func (h *timeline[T]) push(x T) {
	s := append(*h, x)
	i := len(s) - 1
	for i > 0 {
		p := (i - 1) / 2
		if !s[i].before(s[p]) {
			break
		}
		s[i], s[p] = s[p], s[i]
		i = p
	}
	*h = s
}

func (h *timeline[T]) pop() T {
	s := *h
	top := s[0]
	last := len(s) - 1
	var zero T
	s[0], s[last] = s[last], zero
	*h = s[:last]
	h.fix()
	return top
}

// fix restores the order after the first element changed.
func (h *timeline[T]) fix() {
	s := *h
	i := 0
	for {
		c := 2*i + 1
		if c >= len(s) {
			return
		}
		if c+1 < len(s) && s[c+1].before(s[c]) {
			c++
		}
		if !s[c].before(s[i]) {
			return
		}
		s[i], s[c] = s[c], s[i]
		i = c
	}
}
