package terminal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var start = time.Unix(1_700_000_000, 0)

// counted returns Rates with some traffic, to be rendered two seconds after start.
func counted() *Rates {
	r := NewRates(start)
	for range 6 {
		r.Add([]byte("auth.info"), 1024)
	}
	for range 5000 {
		r.Add([]byte("mail.\x1b]0;err\x07"), 2000)
	}
	r.Add(nil, 0)
	r.Add([]byte("cron\t\u202e\xff"), 3)
	r.SetMissed(7)
	return r
}

func TestRenderBlock(t *testing.T) {
	r := counted()
	const want = `2504 msg/s   4.8 MiB/s   total 5008   topics 4   missed 7
     MSG/S       BYTES/S           TOTAL  TOPIC
      2500     4.8 MiB/s            5000  mail.#033]0;err#007
       3.0     3.0 KiB/s               6  auth.info
       0.5         0 B/s               1  (no topic)
       0.5         2 B/s               1  cron#011<U+202E>#377

`
	if got := string(r.Render([]byte("> "), start.Add(2*time.Second), 0, 0)); got != "> "+want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.Add([]byte("auth.info"), 30)
	const next = `0.1 msg/s   3 B/s   total 5009   topics 4   missed 7
     MSG/S       BYTES/S           TOTAL  TOPIC
       0.1         3 B/s               7  auth.info

`
	if got := string(r.Render(nil, start.Add(12*time.Second), 0, 0)); got != next {
		t.Errorf("got\n%s\nwant\n%s", got, next)
	}
}

func TestRenderInABox(t *testing.T) {
	const want = `2504 msg/s   4.8 MiB
     MSG/S       BYT
      2500     4.8 M

`
	if got := string(counted().Render(nil, start.Add(2*time.Second), 20, 3)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The width counts characters, not bytes.
func TestRenderCutsCharacters(t *testing.T) {
	r := NewRates(start)
	r.Add([]byte("€€€€€"), 1)
	got := string(r.Render(nil, start.Add(time.Second), 46, 3))
	if !strings.HasSuffix(got, "  €€€€\n\n") || !utf8.ValidString(got) {
		t.Errorf("got %q", got)
	}
}

// Silent topics stay among the rows until they are forgotten.
func TestSilentTopics(t *testing.T) {
	r := counted()
	r.Update(start.Add(2 * time.Second))
	r.Add([]byte("cron\t\u202e\xff"), 3)
	if _, rows := r.Update(start.Add(4 * time.Second)); len(rows) != 4 {
		t.Errorf("%d rows, want 4", len(rows))
	}
	r.Update(start.Add(2*time.Second + forgetAfter - shortest))
	if len(r.topics) != 4 {
		t.Errorf("%d topics just before they are forgotten, want 4", len(r.topics))
	}
	all, rows := r.Update(start.Add(2*time.Second + forgetAfter))
	if len(rows) != 1 || rows[0].Key != "cron\t\u202e\xff" || all.Total != 5009 {
		t.Errorf("%d rows, want only cron, of %d messages", len(rows), all.Total)
	}
	r.Add([]byte("auth.info"), 1)
	if r.Topics() != 5 {
		t.Errorf("%d topics ever, want 5", r.Topics())
	}
}

// A Render soon after the last, or before it, neither computes a rate of a few messages nor loses them.
func TestRenderAgainAtOnce(t *testing.T) {
	r := counted()
	first := string(r.Render(nil, start.Add(2*time.Second), 0, 0))
	for _, at := range []time.Duration{2 * time.Second, 2*time.Second + shortest - 1, time.Second} {
		if again := string(r.Render(nil, start.Add(at), 0, 0)); again != first {
			t.Errorf("after %v:\n%s\nwant\n%s", at, again, first)
		}
	}
	r.Add([]byte("a"), 1)
	r.Render(nil, start.Add(2*time.Second), 0, 0)
	got := string(r.Render(nil, start.Add(3*time.Second), 0, 0))
	if !strings.HasPrefix(got, "1.0 msg/s   1 B/s   total 5009 ") {
		t.Errorf("lost: %s", got)
	}
}

func TestTooManyTopics(t *testing.T) {
	r := NewRates(start)
	for i := range MaxTopics + 5 {
		r.Add(fmt.Appendf(nil, "topic %05d", i), 10)
	}
	for range 3 {
		r.Add([]byte("topic 00007"), 10)
	}
	if !r.More() {
		t.Error("there are no more topics")
	}
	if len(r.topics) != MaxTopics || r.Topics() != MaxTopics {
		t.Errorf("%d topics, %d ever, want %d", len(r.topics), r.Topics(), MaxTopics)
	}
	const want = `10008 msg/s   97.7 KiB/s   total 10008   topics 10000+   missed 0
     MSG/S       BYTES/S           TOTAL  TOPIC
       5.0        50 B/s               5  (other topics)
       4.0        40 B/s               4  topic 00007
       1.0        10 B/s               1  topic 00000
`
	if got := string(r.Render(nil, start.Add(time.Second), 80, 5)); got != want+"\n" {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// Forgotten topics make room.
	r.Render(nil, start.Add(time.Second+forgetAfter), 80, 5)
	r.Add([]byte("new"), 1)
	if len(r.topics) != 1 {
		t.Errorf("%d topics, want the new one", len(r.topics))
	}
}

func TestLongTopics(t *testing.T) {
	r := NewRates(start)
	long := []byte(strings.Repeat("é", maxTopic))
	r.Add(long, 1)
	r.Add(append(long, "more"...), 1)
	top := r.Top(5)
	if len(top) != 1 || top[0].Messages != 2 || top[0].Topic != strings.Repeat("é", maxTopic/2) {
		t.Errorf("got %v", top)
	}
}

func TestTop(t *testing.T) {
	r := counted()
	r.Render(nil, start.Add(time.Minute), 0, 0)
	want := []TopicCount{{"mail.\x1b]0;err\a", 5000}, {"auth.info", 6}, {"", 1}}
	if got := r.Top(3); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", fmt.Sprint(got), fmt.Sprint(want))
	}
	if len(r.Top(-1)) != 0 || len(r.Top(100)) != 4 {
		t.Errorf("%d and %d topics, want 0 and 4", len(r.Top(-1)), len(r.Top(100)))
	}
}

func TestAppendBytes(t *testing.T) {
	for _, c := range []struct {
		n    float64
		want string
	}{
		{0, "0 B"}, {1023.4, "1023 B"}, {1023.6, "1.0 KiB"}, {1024, "1.0 KiB"}, {1536, "1.5 KiB"}, {1023.9 * 1024, "1023.9 KiB"},
		{1023.96 * 1024, "1.0 MiB"}, {1 << 20, "1.0 MiB"}, {1 << 30, "1.0 GiB"}, {1 << 40, "1.0 TiB"}, {1 << 51, "2048.0 TiB"},
	} {
		if got := string(AppendBytes(nil, c.n)); got != c.want {
			t.Errorf("%v is %q, want %q", c.n, got, c.want)
		}
	}
	for n, want := range map[float64]string{0: "0.0", 0.04: "0.0", 999.94: "999.9", 999.96: "1000", 1234567.8: "1234568"} {
		if got := string(AppendRate(nil, n)); got != want {
			t.Errorf("%v is %q, want %q", n, got, want)
		}
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	r := counted()
	known, long := []byte("auth.info"), []byte(strings.Repeat("x", 1000))
	r.Add(long, 1)
	if n := testing.AllocsPerRun(100, func() {
		r.Add(known, 10)
		r.Add(long, 10)
		r.Add(nil, 10)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func FuzzRates(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, topic []byte, width, height int, _ bool) {
		r := NewRates(start)
		r.Add(topic, 1)
		text := string(r.Render(nil, start.Add(time.Second), width, height))
		if !utf8.ValidString(text) {
			t.Fatalf("%q", text)
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n\n"), "\n")
		if n := len(lines); height > 0 && n > height {
			t.Fatalf("%d lines of %d: %q", n, height, text)
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); width > 0 && n > width {
				t.Fatalf("%d characters of %d: %q", n, width, line)
			}
			for _, c := range line {
				if !isSafe(c) {
					t.Fatalf("%U in %q", c, text)
				}
			}
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	r := counted()
	topic := []byte("auth.info")
	b.ReportAllocs()
	for b.Loop() {
		r.Add(topic, 100)
	}
}

func BenchmarkRender(b *testing.B) {
	r := NewRates(start)
	for i := range MaxTopics {
		r.Add(fmt.Appendf(nil, "topic %05d", i), 10)
	}
	now := start
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		r.Add([]byte("topic 00007"), 10)
		now = now.Add(shortest)
		dst = r.Render(dst[:0], now, 80, 24)
		if len(r.topics) < MaxTopics { // forgotten
			b.Fatal("topics are gone")
		}
		if now.Sub(start) > forgetAfter/2 {
			now = start
			r.last = start
		}
	}
}
