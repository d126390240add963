package statistics

import (
	"bytes"
	"encoding/json"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestLine(t *testing.T) {
	s := New("omzmq", `a "name"`)
	s.Add("received_total", "", func() uint64 { return 1<<64 - 1 })
	s.Add("peers", "", func() uint64 { return 0 })
	var got struct {
		Name, Origin string
		PID          int
		Received     uint64 `json:"received_total"`
		Peers        *int
	}
	line := s.Line()
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if got.Name != `a "name"` || got.Origin != "omzmq" || got.PID != os.Getpid() || got.Received != 1<<64-1 || *got.Peers != 0 {
		t.Errorf("%q", line)
	}
	if bytes.IndexByte(line, '\n') != len(line)-1 {
		t.Errorf("%q is not a line", line)
	}
}

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("omzmq", "omzmq")
		var n atomic.Uint64
		s.Add("n", "", n.Load)
		var out bytes.Buffer
		last := s.Every(time.Minute, &out)
		for range 3 {
			time.Sleep(time.Minute)
			synctest.Wait()
			n.Add(1)
		}
		last()
		var values []int
		for d := json.NewDecoder(&out); d.More(); {
			var line struct{ N int }
			if err := d.Decode(&line); err != nil {
				t.Fatal(err)
			}
			values = append(values, line.N)
		}
		if len(values) != 4 || values[0] != 0 || values[3] != 3 {
			t.Errorf("the lines have %d", values)
		}
		s.Every(0, &out)()
		if out.Len() > 0 {
			t.Errorf("without an interval: %q", &out)
		}
	})
}

func BenchmarkLine(b *testing.B) {
	s := New("omzmq", "omzmq")
	for range 10 {
		s.Add("received_total", "", func() uint64 { return 123456789 })
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Line()
	}
}
