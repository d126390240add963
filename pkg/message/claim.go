package message

// Claim is who sends under a sender id, in acknowledged delivery. A receiver holds it against what it remembers of that
// id: see delivery.Receiver. The zero Claim says nothing.
type Claim struct {
	// Who has proved to be the sender; "": nobody. Two claims are of one owner if their keys are equal, or their names.
	Key  string // the CURVE key in Z85
	Name string // the name that the receiver's certificates give the key; "": none

	// What the sender says of itself.
	Instance string // the process: every one takes another; "": not known
	First    uint64 // the lowest number that it gives to a new message; 0: it only sends what another one has left
}

// Gives reports whether the sender may give numbers to new messages.
func (c Claim) Gives() bool { return c.Instance == "" || c.First > 0 }

// Owned reports whether the sender has proved who it is.
func (c Claim) Owned() bool { return c.Key != "" }

// SameOwner reports whether two claims are of one owner.
func (c Claim) SameOwner(other Claim) bool {
	return c.Key == other.Key || c.Name != "" && c.Name == other.Name
}

// Owner is the name, or the key if there is none; "nobody" for what is in clear.
func (c Claim) Owner() string {
	switch {
	case c.Name != "":
		return c.Name
	case c.Key != "":
		return c.Key
	}
	return "nobody (in clear)"
}

// What a sender is told whose claim does not hold. Both ends log these words, and docs/delivery.md has them.
const (
	otherOwner = "the sender id belongs to another key; if this machine was cloned from another, or its new certificate " +
		"has another name, give this machine" + newID
	usedUp = "the sender id has been used by another sender since this one began; if a machine was cloned, or this one " +
		"set back to an earlier state, give this one" + newID
	twoSenders = "two machines have this sender id; if one was cloned from the other, give one of them" + newID

	newID = " a sender id of its own: stop its rsyslogd, and type omzmq --journal DIR --new-sender-id"
)

// ClaimError says why nothing that is sent under a sender id is stored.
type ClaimError struct {
	Kind  ClaimErrorKind
	Owner string // OtherOwner: to whom the id belongs. The sender is not told.
}

// ClaimErrorKind is a reason.
type ClaimErrorKind int

// The reasons.
const (
	OtherOwner ClaimErrorKind = iota + 1 // the id belongs to another key
	UsedUp                               // another sender has used its numbers
	TwoSenders                           // another sender with the same id is connected
)

// Error is what the sender is told.
func (e *ClaimError) Error() string {
	switch e.Kind {
	case OtherOwner:
		return otherOwner
	case UsedUp:
		return usedUp
	case TwoSenders:
		return twoSenders
	}
	return ""
}

// RefusesClaim reports whether a refusal's reason is a ClaimError's.
func RefusesClaim(reason string) bool {
	return reason == otherOwner || reason == usedUp || reason == twoSenders
}
