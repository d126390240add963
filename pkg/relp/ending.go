package relp

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// How a session ends.

// finish ends the session after its reader. lingers: the client has not been told before.
func (c *serving) finish(ctx context.Context, closed bool, err error) (lingers bool, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = true
	c.server.owes() // if the server ends, it waits for this
	for ctx.Err() != nil && c.reason == nil && !closed && c.unanswered()+len(c.answers.out) > 0 {
		c.changed.Wait() // the server goes on answering
	}
	c.leave(!closed)
	switch ended := c.guest.Ended(); {
	case c.reason != nil:
		err = c.reason
	case closed:
		c.reason = errServerEnds // nothing more is said
	default:
		c.say(serverClose)
		c.closeWrite()
		c.reason, lingers = errServerEnds, ended == nil && c.opened
		err = cmp.Or(ended, err)
	}
	if closed || errors.Is(err, errServerEnds) || errors.Is(err, errNobody) || errors.Is(err, errRenewed) {
		return lingers, nil
	}
	return lingers, err
}

const (
	// lingering is how long a client that goes on sending may take to notice that we have ended the session, and
	// silence how long one that sends nothing may.
	lingering = time.Second
	silence   = 100 * time.Millisecond
)

// linger throws away what arrives until the client closes the connection, or falls silent. Were it closed before, the
// kernel would answer what arrives then with a reset, and librelp would not read its last answers: what they are for
// would come again.
func (c *serving) linger() {
	in := make([]byte, strangeIncoming)
	for end := time.Now().Add(lingering); time.Now().Before(end); {
		c.conn.SetReadDeadline(time.Now().Add(silence))
		if _, err := c.conn.Read(in); err != nil {
			return
		}
	}
}
