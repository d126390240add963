package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// subscriber is a SUB of ZMTP 3.1 (RFC 37) by hand, so that what pkg/zmq says is not only heard by pkg/zmq.
type subscriber struct {
	conn net.Conn
	in   *bufio.Reader
}

// Flags of a frame.
const (
	more    = 1
	long    = 2
	command = 4
)

// headSize is how much of a payload is looked at.
const headSize = 128

// subscribe connects and asks for everything, and returns when that has taken effect.
func subscribe(ctx context.Context, address string) (connection, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &subscriber{conn: conn, in: bufio.NewReaderSize(conn, readBuffer)}
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline) //nolint:errcheck // reading fails, then
	if err := s.handshake(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return s, conn.SetDeadline(time.Time{})
}

func (s *subscriber) handshake() error {
	greeting := make([]byte, 64)
	copy(greeting, "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x01NULL")
	ready := []byte("\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB")
	out := append(greeting, command, byte(len(ready)))
	out = append(out, ready...)
	out = append(out, "\x04\x0a\x09SUBSCRIBE"...)         // the empty prefix
	out = append(out, "\x04\x0c\x04PING\x00\x00asked"...) // obeyed after what is before it
	if _, err := s.conn.Write(out); err != nil {
		return err
	}
	if _, err := io.ReadFull(s.in, greeting); err != nil {
		return err
	}
	for {
		flags, body, err := s.frame()
		if err != nil {
			return err
		}
		if flags&command == 0 {
			return errors.New("a message before the answer to PING")
		}
		if bytes.HasPrefix(body, []byte("\x04PONG")) {
			return nil
		}
	}
}

// frame reads a frame, of which it returns the head.
func (s *subscriber) frame() (flags byte, head []byte, err error) {
	if flags, err = s.in.ReadByte(); err != nil {
		return 0, nil, err
	}
	width := 1
	if flags&long != 0 {
		width = 8
	}
	number, err := s.in.Peek(width)
	if err != nil {
		return 0, nil, err
	}
	size := int(number[0])
	if width == 8 {
		size = int(binary.BigEndian.Uint64(number))
	}
	s.in.Discard(width) //nolint:errcheck // it is there
	peeked, err := s.in.Peek(min(size, headSize))
	if err != nil {
		return 0, nil, err
	}
	head = append(head, peeked...)
	_, err = s.in.Discard(size)
	return flags, head, err
}

func (s *subscriber) follow(r *reader) error {
	defer s.conn.Close()
	for {
		flags, head, err := s.frame()
		if err != nil {
			return err
		}
		switch {
		case flags&command != 0:
			if err := s.obey(r, head); err != nil {
				return err
			}
		case flags&more == 0:
			end := r.message(head)
			r.progress.Store(r.received)
			if end {
				return nil
			}
		}
	}
}

// obey answers a PING, whose context may say how many messages the hub has dropped since the connection began.
func (s *subscriber) obey(r *reader, body []byte) error {
	ping, is := bytes.CutPrefix(body, []byte("\x04PING"))
	if !is || len(ping) < 2 {
		return nil
	}
	if number, says := bytes.CutPrefix(ping[2:], []byte("dropped:")); says && len(number) == 8 {
		r.missed = binary.BigEndian.Uint64(number)
	}
	pong := append([]byte{command, byte(5 + len(ping) - 2)}, "\x04PONG"...)
	_, err := s.conn.Write(append(pong, ping[2:]...))
	return err
}
