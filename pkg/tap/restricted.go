package tap

import "time"

// What a restricted reader is told of a gap, and of forgotten messages. What is missing may be its own or not.
const (
	restrictedReason = "messages may be missing: a publisher, or the network to it, was away or too slow"
	forgottenReason  = "messages may be missing: not all of the last ones are remembered"
)

// visible returns what the reader may know of a gap.
func (r *Reader) visible(g *Gap) *Gap {
	if !r.interest.Restricted {
		return g
	}
	return &Gap{Reason: restrictedReason, Time: g.Time}
}

// forgotten returns what a restricted reader gets first that resumes after more than is remembered: no number, since it
// would count others' messages.
func (r *Reader) forgotten(h *history, last uint64) []Delivery {
	in := r.interest
	if !in.Resume || !in.Restricted || h.forgotten(min(in.After, last), last) == 0 {
		return nil
	}
	return []Delivery{{Gap: &Gap{Reason: forgottenReason, Time: time.Now()}}}
}
