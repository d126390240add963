package web

import (
	"errors"
	"time"
)

// errTakenAway ends a stream whose tenant may no longer read it.
var errTakenAway = errors.New("the token may not read this any more")

// lastWords is how long a write may take once the token is taken away.
const lastWords = time.Second

// takenAway reports whether the reader's token is no longer valid, or may read something else now.
func (c *client) takenAway() bool {
	select {
	case <-c.request.who.Ended():
		return true
	default:
		return false
	}
}

// why is the line that the reader gets in the end.
func (c *client) why() string {
	if c.request.who.Removed() {
		return "this token is no longer valid: the stream ends here"
	}
	return "what this token may read has changed: the stream ends here, connect again"
}

// hurry makes a write that waits for the reader fail soon after the token is taken away. stop must be called after the
// last write.
func (c *client) hurry() (stop func()) {
	ended := c.request.who.Ended()
	if ended == nil {
		return func() {}
	}
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-ended:
			c.limit(lastWords)
		case <-over:
		}
	}()
	return func() {
		close(over)
		<-done
	}
}
