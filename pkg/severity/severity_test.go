package severity_test

import (
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity/table"
)

// What the page's test reads, too.
func TestTable(t *testing.T) {
	for _, c := range table.Read(t, "../../testdata/severities.json") {
		got, found := severity.Of(c.Message)
		if !found {
			got = table.None
		}
		if got != c.Want {
			t.Errorf("%s: %.80q has the severity %v, want %v", c.Why, c.Message, got, c.Want)
		}
	}
}

func TestNames(t *testing.T) {
	want := strings.Fields("emerg alert crit err warning notice info debug invalid")
	for s := severity.Emerg; s <= severity.Debug+1; s++ {
		if s.String() != want[s] {
			t.Errorf("%d is %q", s, s)
		}
	}
}

var sink severity.Severity

func TestNoAllocations(t *testing.T) {
	for name, text := range severity.Samples {
		payload := []byte(text)
		if n := testing.AllocsPerRun(100, func() { sink, _ = severity.Of(payload) }); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

func BenchmarkOf(b *testing.B) {
	for _, name := range []string{"PRI", "slog", "jsonmesg", "longest", "text"} {
		payload := []byte(severity.Samples[name])
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink, _ = severity.Of(payload)
			}
		})
	}
}
