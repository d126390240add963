package zmq_test

import (
	"fmt"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// What is published once the socket is settled reaches libzmq's SUB that it connects to and that receives: all of it,
// each time, although the subscription is the last of many.
func TestLibzmqGetsTheFirstMessage(t *testing.T) {
	const rounds, messages = 20, 100
	sub := libzmq(t).bind("SUB", "tcp://127.0.0.1:*", options{"RCVHWM": 0})
	for i := range 900 { // libzmq drops those above SNDHWM
		sub.ask(request{Op: "subscribe", Name: sub.name, Topic: fmt.Sprintf("another topic %d", i)})
	}
	sub.ask(request{Op: "subscribe", Name: sub.name, Topic: "n"})
	for round := range rounds {
		settled := make(chan struct{}, 1)
		s := ours(t, zmq.Config{Type: zmq.Pub, OnSettled: func() { settled <- struct{}{} }})
		received := make(chan []int, 1)
		go func() { received <- sub.recvNumbers("n", messages) }()
		if err := s.Connect(sub.bound); err != nil {
			t.Fatal(err)
		}
		if s.Settled() == nil {
			t.Fatal("settled before it can be")
		}
		<-settled
		for i := range 2 * messages { // if some are lost, as many others arrive in their place
			s.Publish(number("n", i, 0))
		}
		s.Flush()
		for i, n := range <-received {
			if n != i {
				t.Fatalf("round %d: %d in the place of %d", round, n, i)
			}
		}
		for range messages {
			sub.recv("")
		}
	}
}
