package kafka

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// stores stores messages of a sender, and fails if they are not settled like this.
func (f *fake) stores(w *Writer, n int, seqs []uint64, want ...string) {
	f.t.Helper()
	got, err := store(f.t.Context(), w, n, seqs...)
	if err != nil || !slices.Equal(got, want) {
		f.t.Errorf("sender %d's %d: settled %q, %v, want %q", n, seqs, got, err, want)
	}
}

func (f *fake) has(want ...string) {
	f.t.Helper()
	if got := f.committed("data")[0]; !slices.Equal(got, want) {
		f.t.Errorf("stored %q, want %q", got, want)
	}
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1)
		defer f.end()
		a, _ := f.writer("?once=true", nil)
		f.stores(a, 1, []uint64{1, 2}, "stored", "stored")
		f.stores(a, 1, []uint64{2, 3}, "repeat", "stored")
		f.close(a, time.Minute)
		b, _ := f.writer("?once=true", nil)
		f.stores(b, 1, []uint64{3, 4}, "repeat", "stored")
		f.close(b, time.Minute)
		f.has("1/1", "1/2", "1/3", "1/4")
	})
}
