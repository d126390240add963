package main

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
)

// settled has stored its last message at a time.
type settled time.Time

func (s *settled) Stored() time.Time { return time.Time(*s) }
func (*settled) Storing() time.Time  { return time.Time{} }

// Two outages, between which messages were stored, are two: each is logged, and the second one begins anew.
func TestOutageAfterAnother(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := destination.Target{Kind: destination.RELP, Address: l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	var in settled
	p := newProber(target, destination.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, &in)
	for outage := 1; outage <= 2; outage++ {
		p.ask(t.Context())
		p.ask(t.Context())
		since, reason := p.away()
		if since.IsZero() || !since.After(in.Stored()) || !strings.Contains(reason, "refused") {
			t.Errorf("outage %d: away since %v: %s", outage, since, reason)
		}
		if n := strings.Count(log.String(), "cannot be used"); n != outage {
			t.Errorf("outage %d: %d lines:\n%s", outage, n, &log)
		}
		in = settled(time.Now())
		if since, _ := p.away(); !since.IsZero() {
			t.Errorf("outage %d: away since %v, although a message was stored later", outage, since)
		}
	}
}
