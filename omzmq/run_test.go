package main

import (
	"testing"
)

// unnotified is an account of which one message is confirmed, after some time, by the kernel alone.
type unnotified struct {
	account
	polls, needed int
}

func (u *unnotified) Poll()                    { u.polls++ }
func (u *unnotified) Outstanding() int         { return max(0, u.needed-u.polls) }
func (u *unnotified) Changed() <-chan struct{} { return nil }

// With --confirm received, what is confirmed is not notified: draining polls, and ends when all is confirmed.
func TestDrainPolls(t *testing.T) {
	owed := &unnotified{needed: 3}
	drain(t.Context(), owed)
	if owed.polls != 3 {
		t.Errorf("%d polls", owed.polls)
	}
}
