package budget

import "testing"

func TestShare(t *testing.T) {
	s := &New(Default, 0).Out
	if s.Take(s.Limit()+1) || !s.Take(s.Limit()) || s.Take(1) || s.Used() != s.Limit() {
		t.Errorf("%d of %d bytes", s.Used(), s.Limit())
	}
	s.Overdraw(1)
	s.Give(2)
	if s.Take(2) || !s.Take(1) {
		t.Error("what was overdrawn is not missing")
	}
}

// The parts are not more than the whole.
func TestParts(t *testing.T) {
	b := New(Default, 0)
	if sum := b.Connections()*Connection + b.In.Limit() + b.Out.Limit() + b.Prefixes.Limit(); sum > Default {
		t.Errorf("%d of %d bytes", sum, Default)
	}
}

// A size that is enough is enough for one message, in whatever pieces it comes.
func TestCheck(t *testing.T) {
	for _, message := range []int{1, 1 << 20, 20 << 20} {
		size := Least
		for Check(size, message) != nil {
			size += 1 << 20
		}
		if in := size / 4; in < message+message/4 {
			t.Errorf("%d MiB for a message of %d bytes", size>>20, message)
		}
	}
	if Check(Default, 1<<20) != nil || Check(Least-1, 1) == nil {
		t.Error("the default is too small, or less than the least is enough")
	}
}
