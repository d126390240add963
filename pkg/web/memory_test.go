package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

// A reader takes a part of the memory for all that is sent. Without it there is no room for another reader.
func TestReadersTakeMemory(t *testing.T) {
	b := budget.New(budget.Least, 0)
	s := serve(t, web.Config{Budget: b})
	first := s.plain("")
	one := b.Out.Used()
	rest := b.Out.Limit() - one
	b.Out.Overdraw(rest)
	s.get("/stream").status(http.StatusServiceUnavailable, "--max-memory")
	b.Out.Give(rest)
	second := s.plain("")
	first.Body.Close()
	second.Body.Close()
	taptest.Eventually(t, "the memory to come back", func() bool { return b.Out.Used() < one })
}

// Long messages arrive whole in both forms, between short ones. Without memory to hold them they are missed.
func TestLongMessages(t *testing.T) {
	b := budget.New(budget.Least, 0)
	s := serve(t, web.Config{Budget: b})
	plain, events := s.plain(""), s.events("")
	long := strings.Repeat("line\n\"quoted\"\x01", 30_000)
	s.publish("t|before", "t|"+long, "t|after")
	plain.expect("before\n" + strings.NewReplacer("\n", "#012", "\x01", "#001").Replace(long) + "\nafter\n")
	for _, want := range []string{"before", long, "after"} {
		var got struct{ Message string }
		if err := json.Unmarshal([]byte(events.event().data), &got); err != nil || got.Message != want {
			t.Errorf("%.40q, %v, want %.40q", got.Message, err, want)
		}
	}
	taptest.Eventually(t, "nothing to be held", func() bool { return b.Out.Used() < b.Out.Limit()/2 })
	b.Out.Overdraw(b.Out.Limit())
	s.publish("t|before", "t|"+long, "t|after")
	plain.expect("before\nzmqtap: 1 message is missing here: this reader is too slow\nafter\n")
	events.event()
	if missed := events.event(); missed.name != "missed" || missed.data != `{"count":1,"total":1}` {
		t.Errorf("%+v", missed)
	}
	if after := events.event(); !strings.Contains(after.data, `"after"`) {
		t.Errorf("%+v", after)
	}
}
