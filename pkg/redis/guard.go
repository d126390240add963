package redis

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"syscall"
	"time"
)

// What a server may announce. go-redis allocates whatever a reply claims to be, and a claim of 2^63-1 bytes ends the
// program. The longest reply that imzmq asks for is that of CLUSTER SHARDS.
const (
	maxReplyLine   = 64 << 10 // bytes of a line
	maxReplyText   = 16 << 20 // bytes of a string
	maxReplyValues = 1 << 17  // values in arrays, nested ones included, that are still to come
)

// guard is a connection to a server whose replies are checked before go-redis sees them: those of RESP 2, and of
// RESP 3, in which go-redis talks to sentinels.
type guard struct {
	net.Conn
	check replyCheck
}

// dialer returns what connects to servers. conn's deadlines are go-redis's.
func dialer(timeout time.Duration, trust *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		d := net.Dialer{Timeout: timeout, KeepAlive: 5 * time.Minute}
		if trust == nil {
			conn, err = d.DialContext(ctx, network, address)
		} else {
			conn, err = tls.DialWithDialer(&d, network, address, trust)
		}
		if err != nil {
			return nil, err
		}
		if plain, ok := conn.(syscall.Conn); ok {
			return &plainGuard{guard{Conn: conn}, plain}, nil
		}
		return &guard{Conn: conn}, nil
	}
}

// plainGuard is a guard of a connection without TLS, which go-redis asks whether it is alive before it uses it again.
type plainGuard struct {
	guard
	syscall.Conn
}

// Read is net.Conn's. A reply that claims too much is an error, and nothing more is read.
func (g *guard) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if fault := g.check.feed(b[:n]); fault != nil {
		g.Conn.Close()
		return 0, fault
	}
	return n, err
}

// replyCheck follows a stream of replies.
type replyCheck struct {
	line   []byte // the beginning of the line in hand: its type and its number
	size   int    // bytes of that line
	skip   int    // bytes of a string, and of the line end after it, that are still to come
	values int    // values of arrays that are still to come
}

// feed takes the next bytes, in pieces of any size.
func (c *replyCheck) feed(b []byte) error {
	for len(b) > 0 {
		if n := min(c.skip, len(b)); n > 0 {
			c.skip -= n
			b = b[n:]
			continue
		}
		part, rest, ended := bytes.Cut(b, []byte{'\n'})
		c.line = append(c.line, part[:min(len(part), maxDigits-len(c.line))]...)
		if c.size += len(part); c.size > maxReplyLine {
			return fmt.Errorf("redis: can't parse a line of more than %d bytes", maxReplyLine)
		}
		if ended {
			if err := c.take(); err != nil {
				return err
			}
			c.line, c.size = c.line[:0], 0
		}
		b = rest
	}
	return nil
}

// maxDigits is how many bytes of a line are looked at: more than any accepted number has.
const maxDigits = 24

// take takes a line.
func (c *replyCheck) take() error {
	c.values = max(c.values-1, 0)
	if len(c.line) == 0 {
		return nil
	}
	n := 0
	for _, digit := range bytes.TrimSuffix(c.line[1:], []byte{'\r'}) {
		if digit < '0' || digit > '9' {
			return nil // a text, or -1 for none
		}
		n = min(10*n+int(digit-'0'), maxReplyText+1)
	}
	switch c.line[0] {
	case '$', '=', '!':
		if n > maxReplyText {
			return fmt.Errorf("redis: can't parse a string of more than %d bytes", maxReplyText)
		}
		c.skip = n + len("\r\n")
	case '*', '~', '>', '%', '|':
		if c.line[0] == '%' || c.line[0] == '|' {
			n *= 2 // pairs
		}
		if c.line[0] == '|' {
			n++ // what the attributes belong to follows them
		}
		if c.values += n; c.values > maxReplyValues {
			return fmt.Errorf("redis: can't parse arrays of more than %d values", maxReplyValues)
		}
	}
	return nil
}
