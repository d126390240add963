// Package budget bounds the memory that peers and readers can make a program hold, in and out together.
//
// The memory is divided into parts, so that who uses one of them up takes nothing from the others:
//
//	1/4  connections    their goroutines and smallest buffers; it bounds how many there are
//	1/4  In             what is being received, until its receiver has released it
//	3/8  Out            what waits to be sent, and what waits for readers over HTTP
//	1/8  Prefixes       what subscribers have asked for
//
// Buffers count with their capacity. Whoever needs more of a part that is used up waits (In), misses messages (Out),
// or ends the one that holds most (Prefixes); package zmq says how.
package budget

import (
	"fmt"
	"sync/atomic"
)

// Default is the size of a budget, in bytes, if nothing else is said.
const Default = 128 << 20

// Connection is what an idle connection costs, in bytes: two goroutines, its smallest buffers, what the runtime
// keeps for it.
const Connection = 24 << 10

// Least is the size of the smallest budget with which a program is of use.
const Least = 16 << 20

// Budget is a program's. Its sockets and servers share it.
type Budget struct {
	In       Input
	Out      Share
	Prefixes Share

	size, apart int
}

// New returns a budget of size bytes. apart is how many bytes the program remembers besides, whatever its peers do.
func New(size, apart int) *Budget {
	b := &Budget{size: size, apart: apart}
	b.In.limit, b.Out.limit, b.Prefixes.limit = int64(size/4), int64(size/8*3), int64(size/8)
	b.In.freed = make(chan struct{})
	b.In.unfinished = make(map[*Message]bool)
	return b
}

// code is how many bytes of the program's own file are in memory. Go's runtime does not count them. A quarter of the
// budget is for what is not counted; of a small one, which that does not fit into, fewer connections are let in.
const code = 12 << 20

// Connections is how many connections there is memory for.
func (b *Budget) Connections() int {
	quarter := b.size / 4
	return (quarter - min(quarter*3/8, max(0, code-quarter))) / Connection
}

// Need returns the size of the smallest budget for messages of up to message bytes.
func Need(message int) int { return max(Least, 4*(message+message/4)+Least/4) }

// Check returns an error if a budget of size bytes is too small for messages of up to message bytes. The error names
// the smallest size that is enough.
func Check(size, message int) error {
	least := Need(message)
	if size >= least {
		return nil
	}
	const mib = 1 << 20
	return fmt.Errorf("%d MiB for all peers are too few for messages of up to %d bytes: at least %d MiB are needed",
		size/mib, message, (least+mib-1)/mib)
}

// Share is one part of a budget. The zero value has no room.
type Share struct {
	limit int64
	used  atomic.Int64
}

// Limit returns how many bytes the part has.
func (s *Share) Limit() int { return int(s.limit) }

// Used returns how many bytes are taken.
func (s *Share) Used() int { return int(s.used.Load()) }

// Take takes n bytes. It returns false, and takes none, if fewer are left. The caller gives them back.
func (s *Share) Take(n int) bool {
	return s.take(n, 0)
}

// take is Take where so many of the bytes in use are about to be given back.
func (s *Share) take(n, leaving int) bool {
	if s.used.Add(int64(n)) <= s.limit+int64(leaving) {
		return true
	}
	s.used.Add(-int64(n))
	return false
}

// Overdraw takes n bytes even if fewer are left.
func (s *Share) Overdraw(n int) { s.used.Add(int64(n)) }

// Give gives n bytes back.
func (s *Share) Give(n int) { s.used.Add(-int64(n)) }
