package metrics

import (
	"log/slog"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
)

// What is counted while a total is being divided makes no part of it go down.
func TestRestGrows(t *testing.T) {
	live, gone, meanwhile := uint64(500), uint64(1000), uint64(0)
	s := statistics.New("omzmq", "omzmq")
	s.AddDivided("dropped_total", "messages", func() uint64 { n := live + gone; live += meanwhile; return n }, "peer",
		func(yield func(string, uint64)) { yield("tcp://a:1", live) })
	registry := newRegistry(status.New(status.Source{Program: "omzmq", Numbers: s}, slog.New(slog.DiscardHandler)))
	for _, meanwhile = range []uint64{0, 10, 3} {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.Metric {
				if f.GetName() == "omzmq_dropped_total" && m.Label[0].GetValue() == "" && m.Counter.GetValue() != 1000 {
					t.Errorf("the rest is %v after %d meanwhile", m.Counter.GetValue(), meanwhile)
				}
			}
		}
	}
}
