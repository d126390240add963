package delivery

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/journaltest"
)

// disk is a storage that may have no room.
type disk struct {
	*journaltest.Memory
	why error
}

func (d *disk) Extend(size int) error {
	if d.why != nil {
		return d.why
	}
	return d.Memory.Extend(size)
}

// That the journal has no room can be seen while lines are accepted (with -race: at every moment), and for how long.
func TestNoRoomIsShown(t *testing.T) {
	d := &disk{Memory: journaltest.New(NewSenderID())}
	var now atomic.Int64
	s := NewSender(SenderConfig{Journal: journal.New(d, nil), Logger: quiet, Clock: now.Load}, &fakeTransport{})
	ended, looked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looked)
		for {
			select {
			case <-ended:
				return
			default:
				if state := s.State(); state.NoRoom != nil {
					_ = state.NoRoom.Error()
				}
			}
		}
	}()
	full := errors.New("no space left on device")
	accept := func(why error) {
		d.why = why
		for i := range 100 {
			s.Accept(fmt.Appendf(nil, "%d %0200d", now.Add(1), i))
		}
	}
	for range 3 {
		accept(nil)
		if state := s.State(); state.NoRoom != nil {
			t.Errorf("there is room: %+v", state)
		}
		accept(full)
		if state := s.State(); !errors.Is(state.NoRoom, full) || state.NoRoomFor < 1 || state.NoRoomFor > 100 {
			t.Errorf("there is no room: %+v", state)
		}
	}
	close(ended)
	<-looked
}
