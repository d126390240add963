package omprog

import (
	"context"
	"time"
)

// Without replies, rsyslog writes as fast as the pipe takes it. This much is accepted before all of it must be
// confirmed: a receiver that is slow or away then holds rsyslog back, and does not fill memory.
const (
	maxUnconfirmedLines = 8192
	maxUnconfirmedBytes = 4 << 20
)

// listen takes lines from an rsyslog that reads no replies. What is accepted is owed all the same, but a refused
// message cannot be given back: the account gives it up, and says so.
func (s *Server) listen(ctx, draining context.Context) error {
	s.Logger.Warn(`rsyslog does not read omzmq's replies and cannot send again what is lost: set omprog's confirmMessages="on"`)
	count, size := 0, 0
	idle := func() {
		s.Machine.Submit()
		if s.settle() {
			count, size = 0, 0
		}
	}
	for {
		line, err := s.next(ctx, idle)
		if err != nil {
			return err
		}
		if s.Machine.isMark(line) {
			continue
		}
		s.Machine.accept(line)
		if s.Machine.Due() {
			s.Machine.Submit()
		}
		count, size = count+1, size+len(line)
		if count < maxUnconfirmedLines && size < maxUnconfirmedBytes {
			continue
		}
		s.Machine.Submit()
		if !s.untilSettled(draining) {
			return nil
		}
		count, size = 0, 0
	}
}

// settle empties the account when everything accepted is confirmed, or refused: see delivery.Sender.Pipes.
func (s *Server) settle() bool {
	s.Account.Poll()
	settled, _ := s.Account.Outcome()
	if settled {
		s.Account.Committed()
	}
	return settled
}

// untilSettled waits until the account is empty; false: draining has ended before.
func (s *Server) untilSettled(draining context.Context) bool {
	look := lookFirst
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !s.settle() {
		timer.Reset(look)
		look = min(2*look, lookMax)
		select {
		case <-s.Account.Changed():
		case <-timer.C:
		case <-draining.Done():
			return false
		}
	}
	return true
}
