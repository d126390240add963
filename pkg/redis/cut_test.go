package redis

import (
	"bytes"
	"testing"
)

// A text is cut when Redis says so, or when two sessions in a row have ended; what ends for another reason restores it.
func TestCut(t *testing.T) {
	const size = 4 * leastBulk
	said, ended, away := &fault{tooLong: true}, &fault{ended: true}, &fault{code: codeAway}
	refused := &fault{ended: true, code: "no session"} // ended before there was a session
	for _, c := range []struct {
		name     string
		troubles []*fault
		want     int // bytes in the end
		again    bool
	}{
		{"said", []*fault{said}, size / 2, true},
		{"said again", []*fault{said, said, said}, leastBulk, false},
		{"one end", []*fault{ended}, size, false},
		{"two ends", []*fault{ended, ended}, size / 2, true},
		{"three ends", []*fault{ended, ended, ended}, size / 4, true},
		{"it was not the cause", []*fault{ended, ended, ended, ended}, size, false},
		{"away in between", []*fault{ended, away, ended}, size, false},
		{"away after it was cut", []*fault{ended, ended, away}, size, false},
		{"no session in between", []*fault{ended, refused, ended}, size, false},
		{"never a session", []*fault{refused, refused, refused}, size, false},
	} {
		text := bytes.Repeat([]byte{'x'}, size)
		w := &Writer{client: &client{}, texts: [][]byte{{'a'}, text}}
		w.plan.pending = []*call{{entries: []int{0}}, {entries: []int{1}}}
		again := false
		for _, trouble := range c.troubles {
			if trouble != away && trouble != refused {
				w.client.opened.Add(1)
			}
			again = w.cut(trouble)
		}
		if c.name == "said again" { // nothing is left to cut: what Redis has said must be another text's length
			c.want = size
		}
		if len(w.texts[1]) != c.want || again != c.again {
			t.Errorf("%s: %d bytes, want %d; again %v", c.name, len(w.texts[1]), c.want, again)
		}
	}
}
