package terminal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a message is counted by, in each form of a line.
func TestBy(t *testing.T) {
	for _, c := range []struct{ payload, host, program, severity string }{
		{"<11>1 2026-01-01T00:00:00Z web3 nginx 12 - - text", "web3", "nginx", "err"},
		{"<38>Nov 30 17:03:18 db1 postgres[4]: text", "db1", "postgres", "info"},
		{`{"hostname":"web4","programname":"app","syslogseverity":4}`, "web4", "app", "warning"},
		{"plain text", "(no host)", "(no program)", "(no severity)"},
		{"<13>1 - \x1b]0;x\a p - - - text", "#033]0;x#007", "p", "notice"},
	} {
		for by, want := range map[By]string{Topic: "t", Host: c.host, Program: c.program, Severity: c.severity} {
			r := NewRatesBy(by, start)
			r.Count([]byte("t"), []byte(c.payload))
			_, rows := r.Update(start.Add(time.Second))
			if got := string(by.AppendName(nil, rows[0])); len(rows) != 1 || got != want {
				t.Errorf("%s of %q is %q, want %q", by, c.payload, got, want)
			}
		}
	}
}

func TestByWords(t *testing.T) {
	for _, word := range ByNames() {
		if by, err := ParseBy(word); err != nil || by.String() != word {
			t.Errorf("%s: %v, %v", word, by, err)
		}
	}
	if _, err := ParseBy("topics"); err == nil || !strings.Contains(err.Error(), "write topic, host, program or severity") {
		t.Error(err)
	}
	if Topic.Next(-1) != Severity || Severity.Next(1) != Topic || Topic.Next(1) != Host {
		t.Error("the circle is broken")
	}
}

func TestTableByHost(t *testing.T) {
	r := NewRatesBy(Host, start)
	r.Count([]byte("t"), []byte("<11>1 - web3 nginx - - - x"))
	r.Count([]byte("t"), nil)
	const want = `2.0 msg/s   26 B/s   total 2   hosts 2   missed 0
     MSG/S       BYTES/S           TOTAL  HOST
       1.0           0 B/s               1  (no host)
       1.0        26 B/s               1  web3

`
	if got := string(r.Render(nil, start.Add(time.Second), 0, 0)); got != strings.Replace(want, "           0 B/s", "         0 B/s", 1) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Counting by another field allocates nothing, except for new values.
func TestCountAllocatesNothing(t *testing.T) {
	for by := range By(len(names)) {
		r := NewRatesBy(by, start)
		line := []byte("<11>1 2026-01-01T00:00:00Z web3 nginx 12 - - text")
		if n := testing.AllocsPerRun(100, func() { r.Count([]byte("t"), line) }); n != 0 {
			t.Errorf("%s: %v allocations", by, n)
		}
	}
}

// seconds makes Rates with a history of the given numbers of messages in each second.
func seconds(topics map[string][]int) (r *Rates, rows []*Row) {
	r = NewRates(start)
	r.Remember()
	longest := 0
	for _, counts := range topics {
		longest = max(longest, len(counts))
	}
	for i := range longest {
		for topic, counts := range topics {
			if i < len(counts) {
				for range counts[i] {
					r.Add([]byte(topic), 100)
				}
			}
		}
		_, rows = r.Update(start.Add(time.Duration(i+1) * time.Second))
	}
	return r, rows
}

func TestSpark(t *testing.T) {
	r, rows := seconds(map[string][]int{"a": {0, 1, 4, 8, 0, 0, 2}})
	spark := func(width int, plain bool) string {
		return string(rows[0].History.AppendSpark(nil, width, r.Seconds(), plain))
	}
	for _, c := range []struct {
		width int
		plain bool
		want  string
	}{
		{60, false, "▂▅█  ▃"},
		{60, true, ":+@  -"},
		{30, false, "▂█ ▃"}, // pairs, the last of which is half
		{10, false, "█▃"},
		{0, false, ""},
		{70, false, "▂▅█  ▃"},
	} {
		got := spark(c.width, c.plain)
		if n := len([]rune(got)); n != c.width || strings.TrimLeft(got, " ") != c.want {
			t.Errorf("%d: %q (%d characters), want %q", c.width, got, n, c.want)
		}
	}
	if peak, mean := rows[0].History.Peak(); peak != 8 || fmt.Sprintf("%.2f", mean) != "2.50" {
		t.Errorf("peak %v, mean %v", peak, mean)
	}
	// A second later nothing has moved but the whole.
	before := spark(30, false)
	_, rows = r.Update(start.Add(8 * time.Second))
	if after := spark(30, false); after != before {
		t.Errorf("half a character: %q became %q", before, after)
	}
	_, rows = r.Update(start.Add(9 * time.Second))
	if after := spark(30, false); after != before[1:]+" " {
		t.Errorf("a character: %q became %q", before, after)
	}
	_, rows = r.Update(start.Add(99 * time.Second)) // a long silence, as of a stopped program
	if after := spark(30, false); strings.TrimSpace(after) != "" {
		t.Errorf("after a minute: %q", after)
	}
}

func order(o Order, rows []*Row, anew bool) (keys []string) {
	o.Sort(rows, anew)
	for _, row := range rows {
		keys = append(keys, row.Key)
	}
	return keys
}

func TestOrders(t *testing.T) {
	_, rows := seconds(map[string][]int{"a": {0, 9}, "b": {30, 1}, "c": {1, 20}})
	rows[slices.IndexFunc(rows, func(r *Row) bool { return r.Key == "a" })].smoothBytes = 1e9
	for _, c := range []struct {
		order Order
		want  string
	}{
		{Order{By: ByRate}, "b a c"}, // smoothed
		{Order{By: ByRate, Reverse: true}, "c a b"},
		{Order{By: ByBytes}, "a b c"},
		{Order{By: ByTotal}, "b c a"},
		{Order{By: ByName}, "a b c"},
		{Order{By: ByName, Reverse: true}, "c b a"},
	} {
		if got := strings.Join(order(c.order, rows, true), " "); got != c.want {
			t.Errorf("%+v: %s, want %s", c.order, got, c.want)
		}
	}
}

// Rows that are about equally busy keep their places, and one that becomes much busier does not.
func TestRowsDoNotJump(t *testing.T) {
	r := NewRates(start)
	r.Remember()
	second := 0
	step := func(a, b, c int) string {
		for topic, n := range map[string]int{"a": a, "b": b, "c": c} {
			for range n {
				r.Add([]byte(topic), 1)
			}
		}
		second++
		_, rows := r.Update(start.Add(time.Duration(second) * time.Second))
		return strings.Join(order(Order{}, rows, second == 1), "")
	}
	if got := step(100, 99, 10); got != "abc" {
		t.Fatal(got)
	}
	for i := range 100 {
		if got := step(95+i%11, 105-i%11, 10+i%3); got != "abc" {
			t.Fatalf("after %d seconds: %s", i, got)
		}
	}
	for i := range 20 {
		step(i%2, i%2, 0) // a message every other second
	}
	silent := step(1, 0, 0)
	for i := range 20 {
		if got := step(i%2, (i+1)%2, 0); got != silent {
			t.Fatalf("%s, then %s", silent, got)
		}
	}
	step(1, 1, 200)
	if got := step(1, 1, 200); !strings.HasPrefix(got, "c") {
		t.Errorf("the busiest is not the first: %s", got)
	}
}

// The row of the rest is the last by name, and has a name of its own.
func TestRest(t *testing.T) {
	r := NewRates(start)
	for i := range 10 * MaxTopics {
		r.Add(fmt.Appendf(nil, "topic %05d", i), 10)
	}
	_, rows := r.Update(start.Add(time.Second))
	if len(rows) != MaxTopics+1 {
		t.Errorf("%d rows", len(rows))
	}
	Order{By: ByName}.Sort(rows, true)
	last := rows[len(rows)-1]
	if name := string(Topic.AppendName(nil, last)); name != "(other topics)" || last.Total != 9*MaxTopics {
		t.Errorf("the last is %s with %d messages", name, last.Total)
	}
	clone := last.Clone()
	r.Add([]byte("one more"), 1)
	if r.Update(start.Add(2 * time.Second)); clone.Total != 9*MaxTopics || last.Total != clone.Total+1 {
		t.Errorf("%d messages became %d", clone.Total, last.Total)
	}
}
