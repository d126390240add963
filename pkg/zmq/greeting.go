package zmq

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"
)

const (
	minorVersion  = 1  // ours: 3.1, so that peers know that we understand PING
	greetingSize  = 64 // bytes of a greeting (RFC 23); where its fields begin follows
	greetingMajor = 10
	greetingMinor = 11
	mechanismAt   = 12
	mechanismEnd  = 32
	asServerAt    = 32
)

// leastVersion is what to do about an older peer. Version 1.0, of libzmq 2, has no greeting: what it sends looks like
// a stranger's. A greeting with a version below 3 is 2.0's, of libzmq 3.
const leastVersion = "a peer needs ZMTP 3.0: libzmq 4.0 (of 2013) or newer"

// greetingConn is a connection on which zmq4, which only knows version 3.0 and calls itself a client, greets as what
// we are. It records the peer's greeting, which zmq4 does not pass on, and returns an error from Read as soon as that
// cannot become a valid one.
type greetingConn struct {
	net.Conn
	mechanism zmq4.SecurityType // ours
	server    bool              // we are its server
	sent      bool
	got       []byte // what has arrived of the peer's greeting

	first  time.Duration // how long the peer's greeting is waited for before ours is complete; 0: not at all
	unread []byte        // what arrived meanwhile
}

func (c *greetingConn) Write(b []byte) (int, error) {
	if !c.sent && len(b) == greetingSize {
		c.sent = true
		b = append([]byte(nil), b...)
		b[greetingMinor] = minorVersion
		if c.server { // as RFC 23 says. libzmq neither sends that nor looks at it
			b[asServerAt] = 1
		}
		if c.first > 0 {
			return c.writeSlowly(b)
		}
	}
	return c.Conn.Write(b)
}

// writeSlowly writes our greeting up to its version, and the rest when the peer's has arrived. libzmq sends its
// mechanism only after our version, and never if it has ours by then, which is another one: then it hangs up.
func (c *greetingConn) writeSlowly(greeting []byte) (int, error) {
	if _, err := c.Conn.Write(greeting[:mechanismAt]); err != nil {
		return 0, err
	}
	if err := c.SetReadDeadline(time.Now().Add(c.first)); err != nil {
		return 0, err
	}
	for len(c.got) < greetingSize {
		b := make([]byte, greetingSize-len(c.got))
		n, err := c.Conn.Read(b)
		c.got, c.unread = append(c.got, b[:n]...), append(c.unread, b[:n]...)
		if problem := c.problem(); problem != nil {
			return 0, problem
		}
		if err != nil {
			break // a peer may wait for the whole greeting
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(c.first)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(greeting[mechanismAt:])
	return mechanismAt + n, err
}

func (c *greetingConn) Read(b []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(b, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	n, err := c.Conn.Read(b)
	if missing := greetingSize - len(c.got); missing > 0 {
		c.got = append(c.got, b[:min(n, missing)]...)
		if problem := c.problem(); problem != nil {
			return 0, problem // io.ReadFull passes over an error with the last byte
		}
	}
	return n, err
}

// problem returns what is wrong with what has arrived of the peer's greeting, or nil.
func (c *greetingConn) problem() error {
	if len(c.got) > 0 && c.got[0] != 0xff {
		return errors.New("the peer's greeting is not that of ZMTP 3.0; is it a ZeroMQ socket? " + leastVersion)
	}
	if len(c.got) > greetingMajor && c.got[greetingMajor] < 3 {
		return errors.New("the peer speaks ZMTP 2.0; " + leastVersion)
	}
	if len(c.got) < greetingSize {
		return nil
	}
	mechanism := bytes.TrimRight(c.got[mechanismAt:mechanismEnd], "\x00")
	if string(mechanism) != string(c.mechanism) {
		return &SecurityError{fmt.Errorf("security mismatch: the peer's mechanism is %q, this end's is %q; "+
			"give both ends the flags of the same mechanism (NULL is none: in clear)", mechanism, c.mechanism)}
	}
	if c.server && c.got[asServerAt] != 0 {
		return &SecurityError{fmt.Errorf("security mismatch: both ends are %s servers; one must be the client", c.mechanism)}
	}
	return nil
}

// commands reports whether the peer's version is 3.1 or later.
func (c *greetingConn) commands() bool {
	return len(c.got) == greetingSize && (c.got[greetingMajor] > 3 || c.got[greetingMinor] > 0)
}
