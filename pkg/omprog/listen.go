package omprog

import (
	"context"
	"time"
)

// Without replies, rsyslog writes as fast as the pipe takes it. This much is accepted before all of it must be confirmed,
// so that a receiver that is slow or away holds back rsyslog, and not our memory.
const (
	maxUnansweredLines = 8192
	maxUnansweredBytes = 4 << 20
)

// listen takes lines from an rsyslog that reads no replies. What is accepted is owed all the same, but there is nobody to
// give a refused message back to.
func (s *Server) listen(ctx, draining context.Context) error {
	s.Logger.Warn(`nobody reads omzmq's replies, so rsyslog cannot send again what is lost: set omprog's confirmMessages="on"`)
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
		if count < maxUnansweredLines && size < maxUnansweredBytes {
			continue
		}
		s.Machine.Submit()
		if !s.untilSettled(draining) {
			return nil
		}
		count, size = 0, 0
	}
}

// settle empties the account when everything accepted is confirmed, or refused.
func (s *Server) settle() bool {
	settled, refusal := s.Account.Outcome()
	if !settled {
		return false
	}
	if refusal != nil {
		s.Logger.Error("message lost", "reason", refusal)
		s.Account.Failed(true)
		if settled, _ = s.Account.Outcome(); !settled {
			return false
		}
	}
	s.Account.Committed()
	return true
}

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
