package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
)

// Whatever a tenant asks for, it is never given topics that do not begin with one of its prefixes, and never all.
func FuzzRights(f *testing.F) {
	path := filepath.Join(f.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("acme 0123456789abcdef acme/ shared/x\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	file, err := tenant.Open(tenant.Config{Path: path, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	who := file.List().Find("0123456789abcdef")
	s, err := New(Config{Logger: slog.New(slog.DiscardHandler), Queue: 10})
	if err != nil {
		f.Fatal(err)
	}
	for _, query := range []string{"", "topic=", "topic=a&topic=s", "topic=acme%2Fweb&last=3&raw=1", "topic=beta/", "topic=%00", "topic=a&topic=b&grep=x%2B", "topic=shared/;topic=b", "topic=shared/%"} {
		f.Add(query, s.instance+"-1")
	}
	f.Add("topic=acme/", s.instance+"-"+strings.Repeat("0", 32))
	f.Fuzz(func(t *testing.T, query, last string) {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/stream", RawQuery: query},
			Header: http.Header{"Accept": {"text/event-stream"}, "Last-Event-Id": {last}}}
		q, err := s.parse(r, who)
		if err != nil {
			return
		}
		in := q.interest
		if len(in.Topics) == 0 || !in.Restricted || in.After != 0 {
			t.Fatalf("%q, %q: %+v", query, last, in)
		}
		for _, topic := range in.Topics {
			if !strings.HasPrefix(topic, "acme/") && !strings.HasPrefix(topic, "shared/x") {
				t.Fatalf("%q: topic %q", query, topic)
			}
		}
	})
}
