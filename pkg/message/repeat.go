package message

import "errors"

// Two ways in which a destination settles a message that it neither stores nor refuses.
var (
	// ErrRepeat means that the message was stored earlier, by this or another process. It counts as stored.
	ErrRepeat = errors.New("stored before")
	// ErrElsewhere means that another process serves its sender. The sender is not answered, and its connection is
	// ended: it sends the message again, there.
	ErrElsewhere = errors.New("another imzmq serves this sender")
)
