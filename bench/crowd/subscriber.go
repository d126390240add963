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

// subscriber is a hand-written SUB of ZMTP 3.1 (RFC 37), so that pkg/zmq is tested against something other
// than itself.
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

// headSize is how much of a payload is examined.
const headSize = 128

// subscribe connects, subscribes to everything, and returns when the subscription has taken effect.
func subscribe(ctx context.Context, address string) (connection, error) {
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &subscriber{conn: conn, in: bufio.NewReaderSize(conn, readBuffer)}
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline) //nolint:errcheck // otherwise reading fails
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
	out = append(out, "\x04\x0c\x04PING\x00\x00asked"...) // answered only after what precedes it
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

// frame reads a frame and returns its head.
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
	s.in.Discard(width) //nolint:errcheck // it was peeked
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

// obey answers a PING. Its context may contain how many messages the hub has dropped on this connection.
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
