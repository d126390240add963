package delivery

import "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"

// A sender id belongs to the owner that first had a message stored under it, and within one owner to one process at a
// time: two processes that give out the same numbers would have their messages taken for each other's repeats.
//
// A process that is told to begin at a number above all that have arrived follows the one before: it has that one's
// journal. If a number has arrived that it is yet to give out, somebody else has given it out: the machine's clone, or
// the machine itself before it was set back to an earlier state. Nothing of it is stored then, or acknowledged.

// Source is a sender as the open round sees it. It is valid until Close.
type Source struct {
	seen    *Seen
	claim   *message.Claim
	refusal *message.ClaimError
}

// Refusal returns why nothing that comes from the source is stored; nil: it is.
func (s Source) Refusal() *message.ClaimError { return s.refusal }

// Name returns the sender's id in hexadecimal digits.
func (s Source) Name() string { return s.seen.name }

// Claim returns what is known of the sender.
func (s Source) Claim() *message.Claim { return s.claim }

// Source looks a sender up. claim is shared with the batch's messages; nil: nothing is known. Contested: another sender
// with the same id is connected, and both are refused.
//
// Whoever holds the id from now on loses it again at the end of the round if nothing of it has been stored. While
// Pending reports true, Source is not called.
func (r *Receiver) Source(id SenderID, claim *message.Claim, contested bool) Source {
	s := Source{claim: claim}
	if claim == nil {
		claim = &message.Claim{}
	}
	s.seen = r.memory.Sender(id, claim.Key)
	switch {
	case !s.seen.admits(claim):
		s.refusal = &message.ClaimError{Kind: message.OtherOwner, Owner: s.seen.holder.Owner()}
	case contested:
		s.refusal = &message.ClaimError{Kind: message.TwoSenders}
	case s.seen.reuses(claim):
		s.refusal = &message.ClaimError{Kind: message.UsedUp}
	default:
		if s.seen.hold(claim) {
			to := r.opened()
			to.claimed, s.seen.since = append(to.claimed, s.seen), to
		}
	}
	return s
}

// admits reports whether the id is nobody's, or the claim's owner's.
func (s *Seen) admits(c *message.Claim) bool { return !s.holder.Owned() || s.holder.SameOwner(*c) }

// reuses reports whether another process has used numbers that this one is yet to give out.
func (s *Seen) reuses(c *message.Claim) bool {
	return c.Instance != "" && c.Gives() && c.Instance != s.holder.Instance && s.high >= c.First
}

// hold makes the claim the holder's. It reports whether that is a change.
func (s *Seen) hold(c *message.Claim) (changed bool) {
	next := s.holds(c)
	if next == s.holder {
		return false
	}
	if !s.holding {
		s.before, s.beforeHigh, s.holding = s.holder, s.high, true
	}
	s.holder = next
	return true
}

// holds returns the holder that a claim would make.
func (s *Seen) holds(c *message.Claim) message.Claim {
	next := *c
	if !c.Gives() {
		next.Instance, next.First = s.holder.Instance, s.holder.First
	}
	return next
}

// settle ends a round in which something of the sender was stored, or not. What was not stored is unmarked by then.
func (s *Seen) settle(stored bool) {
	switch {
	case stored:
		s.holding = false
	case s.holding:
		s.holder, s.high, s.holding = s.before, s.beforeHigh, false
	}
}
