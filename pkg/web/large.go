package web

import "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"

// deliverLarge writes b and a large message without a copy of the latter for each reader. The reader misses the message
// if there is no memory to hold it while it is written.
func (c *client) deliverLarge(b []byte, m *tap.Message) error {
	out := &c.server.cfg.Budget.Out
	if !m.Pin(out) {
		return c.write(c.miss(b, 1))
	}
	defer m.Unpin(out)
	c.sent++
	c.rest()
	for piece := range c.encoding.pieces(b, m) {
		if err := c.send(piece); err != nil {
			return err
		}
	}
	return c.flush()
}
