package relp

import (
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// slowly is an account that is asked whether it is ready, and takes its time to answer.
type slowly struct {
	*ledger
	slow  atomic.Bool
	asked chan struct{}
	says  chan struct{} // it answers when this is closed
}

func (a *slowly) Ready() error {
	if a.slow.Load() {
		a.asked <- struct{}{}
		<-a.says
	}
	return nil
}

// What was read before the server was stopped is taken and answered, even if nothing was owed at that time.
func TestServerEndsAfterItsReaders(t *testing.T) {
	var account *slowly
	s := serve(t, func(cfg *ServerConfig) {
		account = &slowly{ledger: cfg.Account.(*ledger), asked: make(chan struct{}, 1), says: make(chan struct{})}
		cfg.Account = account
	})
	c := s.session()
	account.slow.Store(true)
	c.say("2 syslog 1 a\n")
	<-account.asked
	s.stop()
	conn, err := net.Dial("tcp", s.address)
	for ; err == nil; conn, err = net.Dial("tcp", s.address) {
		conn.Close() // it still listens
	}
	account.slow.Store(false)
	close(account.says)
	s.await(t, "it is taken", func() bool { return len(s.accepted) == 1 })
	s.settle(1, "")
	c.hear("2 rsp 6 200 OK", "0 serverclose 0")
	s.wait()
}

// A client that is sending when the server ends can read what it was told. A reset would throw that away.
func TestServerEndsWithoutReset(t *testing.T) {
	s := serve(t, nil)
	c := s.session()
	c.say("2 syslog 1 a\n")
	s.await(t, "a message", func() bool { return len(s.accepted) == 1 })
	s.settle(1, "")
	s.locked(func() { s.unready = errors.New("it is full") })
	sent := make(chan error, 1)
	go func() {
		_, err := c.conn.Write([]byte(strings.Repeat("3 syslog 1 b\n", 100_000)))
		sent <- err
	}()
	s.await(t, "that it asks", func() bool { return s.asked > 0 })
	s.stop()
	c.hear("2 rsp 6 200 OK", "0 serverclose 0")
	c.ends()
	if err := <-sent; err != nil {
		t.Error(err)
	}
	s.wait()
}

// What was refused is sent again at intervals, but not waited for at the end.
func TestServerEndsWithRefusedMessages(t *testing.T) {
	s := serve(t, nil)
	s.locked(func() { s.refused = 1 })
	s.notify()
	s.stop()
	s.wait()
}

// A listener that fails ends the server.
func TestServerEndsWithItsListener(t *testing.T) {
	s := serve(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	failed := make(chan error, 1)
	go func() { failed <- NewServer(s.cfg).Run(t.Context(), t.Context(), l) }()
	select {
	case err := <-failed:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(patience):
		t.Error("it goes on")
	}
}
