package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
)

// What has been taken out of the queue when a token is taken away is not delivered any more.
func TestNothingAfterTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("acme 0123456789abcdef acme/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	file, err := tenant.Open(tenant.Config{Path: path, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Stream: tap.New(0), Tenants: file, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	reader := s.cfg.Stream.Join(tap.Interest{Queue: 10, QueueBytes: queueBytes})
	defer reader.Close()
	recorder := httptest.NewRecorder()
	c := &client{server: s, request: request{who: file.List().Find("0123456789abcdef")}, reader: reader, out: recorder,
		control: http.NewResponseController(recorder), encoding: plainText{}, lane: new(listen.Lane)}
	source := taptest.New(t)
	source.Give(s.cfg.Stream.Publish, []string{"before"})
	if err := c.deliver(t.Context(), reader.Take(nil)); err != nil || recorder.Body.String() != "before\n" {
		t.Fatalf("%q, %v", recorder.Body, err)
	}
	source.Give(s.cfg.Stream.Publish, []string{"after"}, []string{"after"})
	waiting := reader.Take(nil)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	go file.Watch(t.Context())
	<-c.request.who.Ended()
	if err := c.deliver(t.Context(), waiting); !errors.Is(err, errTakenAway) || recorder.Body.String() != "before\n" {
		t.Errorf("%q, %v", recorder.Body, err)
	}
}
