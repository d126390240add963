package web

import (
	"context"
	"regexp"
	"runtime"
)

// maxWork is how much work a reader's filter does in one turn, in bytes of payloads multiplied by the instructions of
// the expression: some milliseconds in the worst case. A single payload may take more.
const maxWork = 1 << 18

// turns admits few filters at a time, in the order in which they ask. However many readers have expensive filters, the
// other processors remain for those that publish and for other readers. A reader whose turns come too seldom misses
// messages, as one that is too slow does.
type turns chan struct{}

func newTurns() turns { return make(turns, max(1, runtime.GOMAXPROCS(0)/2)) }

// filter is one reader's regular expression.
type filter struct {
	expression *regexp.Regexp // nil: everything matches
	cost       int            // instructions
	turns      turns
	mine       bool // it is this filter's turn
	work       int  // done in this turn
}

// match reports whether a payload matches. It waits for the reader's turn, and returns ctx's error if that ends first.
func (f *filter) match(ctx context.Context, payload []byte) (bool, error) {
	if f.expression == nil {
		return true, nil
	}
	if !f.mine {
		select {
		case f.turns <- struct{}{}:
			f.mine = true
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	matches := f.expression.Match(payload)
	if f.work += f.cost * (len(payload) + 1); f.work >= maxWork {
		f.rest()
	}
	return matches, nil
}

// waits reports whether the next match may have to wait for the reader's turn: what was found should be written before.
func (f *filter) waits() bool { return f.expression != nil && !f.mine }

// rest ends the reader's turn. It must be called before the reader does anything that may block.
func (f *filter) rest() {
	if f.mine {
		f.mine, f.work = false, 0
		<-f.turns
	}
}
