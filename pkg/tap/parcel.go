package tap

import "sync"

// parcel is the memory of a group, about full, which is used again when its reader has given it back. For a flood of
// short lines, allocating and collecting groups costs as much as everything else that happens to them here.
type parcel struct {
	messages [groupSize]Message
	bytes    [maxShared]byte
}

var parcels = sync.Pool{New: func() any { return new(parcel) }}

// reuses reports whether full groups are parcels: there is one reader alone, and it gives them back.
func (s *Stream) reuses() bool {
	if len(s.readers) != 1 || s.history.limit > 0 {
		return false
	}
	for r := range s.readers {
		return r.interest.Returns
	}
	return false
}

// Return gives back what the reader has taken and clears it: none of the messages may be used afterwards. A stream with
// one reader alone, whose Interest says that it Returns, then uses their memory again.
func (r *Reader) Return(taken []Delivery) {
	for i := range taken {
		if in := taken[i].in; in != nil {
			clear(in.messages[:])
			parcels.Put(in)
		}
	}
	clear(taken)
}
