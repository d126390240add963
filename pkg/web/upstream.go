package web

// status appends what the reader is told of the publishers, if that is something new. changed is closed when there is
// more to tell; nil: there never is.
func (c *client) status(dst []byte) (_ []byte, changed <-chan struct{}) {
	now, changed := c.server.cfg.Upstream.Status()
	if now != nil && now != c.told {
		dst = c.encoding.status(dst, now, c.told)
		c.told = now
	}
	return dst, changed
}

// tell writes what status appends.
func (c *client) tell() (changed <-chan struct{}, err error) {
	if c.takenAway() {
		return nil, errTakenAway
	}
	text, changed := c.status([]byte{}) // not nil, which would send the headers
	return changed, c.write(text)
}
