package main

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// sender is a hand-written DEALER of ZMTP 3.1 (RFC 37) that speaks acknowledged delivery.
type sender struct {
	load *load
	conn net.Conn
	in   *bufio.Reader

	pattern     []byte // window messages, encoded, without their numbers
	first       int    // bytes of one of them
	last        uint64 // the number sent last
	acknowledge uint64 // the number acknowledged last

	writes  []write // not wholly acknowledged
	counted uint64
	times   []float32 // milliseconds, of the messages at the end of a write
}

// write is one system call.
type write struct {
	last uint64
	at   time.Time
}

// Flags of a frame.
const (
	more    = 1
	long    = 2
	command = 4
)

const (
	head    = "<14>Nov 22 05:54:52 host app[123]: "
	minSize = len(head) + 20
	// burst is how many messages are written at once, at most.
	burst = 500
)

// dial connects a sender under a new id.
func dial(address string, l *load) (*sender, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &sender{load: l, conn: conn, in: bufio.NewReaderSize(conn, 512)}
	s.prepare()
	if err := s.handshake(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return s, nil
}

// prepare encodes messages: the number, a topic that is empty, and the text.
func (s *sender) prepare() {
	var one []byte
	one = append(one, more, 8)
	one = append(one, make([]byte, 8)...)
	one = append(one, more, 0)
	if s.load.size > 255 {
		one = binary.BigEndian.AppendUint64(append(one, long), uint64(s.load.size))
	} else {
		one = append(one, 0, byte(s.load.size))
	}
	one = append(one, head...)
	for len(one)-textAt(s.load.size) < s.load.size {
		one = append(one, 'x')
	}
	s.first = len(one)
	for range min(burst, s.load.window) {
		s.pattern = append(s.pattern, one...)
	}
}

// textAt returns where the text begins in an encoded message.
func textAt(size int) int {
	if size > 255 {
		return 2 + 8 + 2 + 9
	}
	return 2 + 8 + 2 + 2
}

func (s *sender) handshake() error {
	s.conn.SetDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // otherwise reading fails
	greeting := make([]byte, 64)
	copy(greeting, "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x01NULL")
	ready := []byte("\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x11\x01")
	id := make([]byte, 16)
	rand.Read(id) // never fails
	ready = append(ready, id...)
	out := append(greeting, command, byte(len(ready)))
	if _, err := s.conn.Write(append(out, ready...)); err != nil {
		return err
	}
	if _, err := io.ReadFull(s.in, make([]byte, 64)); err != nil {
		return err
	}
	flags, body, err := s.frame()
	if err != nil {
		return err
	}
	if flags&command == 0 || len(body) < 6 || string(body[1:6]) != "READY" {
		return fmt.Errorf("%q instead of READY", body)
	}
	return s.conn.SetDeadline(time.Time{})
}

// frame reads a short frame. It is valid until the next.
func (s *sender) frame() (flags byte, body []byte, err error) {
	header, err := s.in.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	flags, size := header[0], int(header[1])
	if flags&long != 0 {
		return 0, nil, errors.New("a long frame")
	}
	if body, err = s.in.Peek(2 + size); err != nil {
		return 0, nil, err
	}
	s.in.Discard(2 + size) //nolint:errcheck // it was peeked
	return flags, body[2:], nil
}

// hello sends one message and waits for its acknowledgement.
func (s *sender) hello() error {
	if err := s.write(1); err != nil {
		return err
	}
	return s.await(s.last)
}

// send sends until a time, and waits for the last acknowledgement.
func (s *sender) send(until time.Time) error {
	if s.load.rate > 0 {
		return s.pace(until)
	}
	for time.Now().Before(until) {
		if room := s.load.window - int(s.last-s.acknowledge); room > 0 {
			if err := s.write(min(room, burst)); err != nil {
				return err
			}
		}
		if int(s.last-s.acknowledge) < s.load.window && s.in.Buffered() == 0 {
			continue
		}
		if err := s.await(s.acknowledge + 1); err != nil {
			return err
		}
	}
	return s.await(s.last)
}

// pace sends messages one by one, each at its time, and waits for each acknowledgement.
func (s *sender) pace(until time.Time) error {
	pause := time.Duration(float64(len(s.load.senders)) / s.load.rate * float64(time.Second))
	var random [8]byte
	rand.Read(random[:]) // never fails
	next := time.Now().Add(time.Duration(binary.BigEndian.Uint64(random[:]) % uint64(pause)))
	for ; next.Before(until); next = next.Add(pause) {
		early := time.Until(next)
		time.Sleep(early)
		if err := s.write(1); err != nil {
			return err
		}
		if early < 0 { // the receiver was late, which is part of the time that it takes
			s.writes[len(s.writes)-1].at = next
		}
		if err := s.await(s.last); err != nil {
			return err
		}
	}
	return nil
}

// write sends n messages, at most as many as were prepared.
func (s *sender) write(n int) error {
	n = min(n, len(s.pattern)/s.first)
	for i := range n {
		s.last++
		m := s.pattern[i*s.first:]
		binary.BigEndian.PutUint64(m[2:], s.last)
		number := m[textAt(s.load.size)+len(head):][:20]
		for j, rest := len(number)-1, s.last; j >= 0; j, rest = j-1, rest/10 {
			number[j] = byte('0' + rest%10)
		}
	}
	s.writes = append(s.writes, write{s.last, time.Now()})
	_, err := s.conn.Write(s.pattern[:n*s.first])
	return err
}

// await reads acknowledgements until one of n has come.
func (s *sender) await(n uint64) error {
	for s.acknowledge < n {
		flags, body, err := s.frame()
		switch {
		case err != nil:
			return err
		case flags&command != 0:
			err = s.obey(body)
		case len(body) != 8 || flags&more != 0:
			err = fmt.Errorf("it is answered %q", body)
		default:
			s.acknowledged(binary.BigEndian.Uint64(body))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// acknowledged accounts for an acknowledgement.
func (s *sender) acknowledged(n uint64) {
	if s.load.counting.Load() {
		s.counted += n - s.acknowledge
	}
	s.acknowledge = n
	done := 0
	for ; done < len(s.writes) && s.writes[done].last <= n; done++ {
		if s.load.counting.Load() {
			s.times = append(s.times, float32(time.Since(s.writes[done].at).Seconds()*1000))
		}
	}
	s.writes = append(s.writes[:0], s.writes[done:]...)
}

// obey answers a PING.
func (s *sender) obey(body []byte) error {
	if len(body) < 7 || string(body[:5]) != "\x04PING" {
		return nil
	}
	pong := append([]byte{command, byte(5 + len(body) - 7)}, "\x04PONG"...)
	_, err := s.conn.Write(append(pong, body[7:]...))
	return err
}
