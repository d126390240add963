package zmq_test

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// libzmq's messages over the limit arrive cut, counted and logged, on a connection that stays.
func TestLibzmqSendsMoreThanTheLimit(t *testing.T) {
	var log text
	s := ours(t, zmq.Config{Type: zmq.Router, MaxMessage: 1000, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	seq := binary.BigEndian.AppendUint64(nil, 1)
	them := libzmq(t).connect(zmq.Dealer, listening(t, s), nil)
	them.send(seq, []byte("t"), bytes.Repeat([]byte("x"), 15_000))
	them.send(seq, []byte("t"), []byte("after"))
	var got []string
	for len(got) < 2 {
		b, err := s.Recv(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Len() {
			got = append(got, string(bytes.Join(b.Frames(i), []byte("|"))))
		}
		b.Release()
	}
	if want := []string{string(seq) + "|t|" + strings.Repeat("x", 991), string(seq) + "|t|after"}; !slices.Equal(got, want) {
		t.Errorf("received %q", got)
	}
	if got := s.Truncated(); got != 1 {
		t.Errorf("%d messages counted as cut", got)
	}
	line := log.String()
	for _, part := range []string{"message cut", "--max-message-size", "size=15009", "limit=1000", "peer=tcp://127.0.0.1:"} {
		if !strings.Contains(line, part) {
			t.Errorf("%q is missing in the log:\n%s", part, line)
		}
	}
}
