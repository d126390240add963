package status

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
)

var now = time.Unix(1_800_000_000, 0)

func before(d time.Duration) time.Time { return now.Add(-d) }

func TestJudge(t *testing.T) {
	long := before(time.Minute)
	for _, test := range []struct {
		name   string
		report Report
		lonely time.Time
		want   string // what the one problem begins with; "": all is well
	}{
		{"nothing", Report{}, time.Time{}, ""},
		{"an endpoint that has just gone", Report{Endpoints: []Endpoint{{Since: before(time.Second)}}}, time.Time{}, ""},
		{"away", Report{Endpoints: []Endpoint{{Endpoint: "tcp://a:1", Since: long, Reason: "no route to host"}}}, time.Time{},
			"tcp://a:1 is away: no route to host"},
		{"silent", Report{Endpoints: []Endpoint{{Endpoint: "tcp://a:1", Since: long}}}, time.Time{}, "tcp://a:1 does not answer"},
		{"not bound", Report{Endpoints: []Endpoint{{Endpoint: "tcp://*:1", Bound: true, Since: long, Reason: "address already in use"}}}, time.Time{},
			"tcp://*:1 is not bound: address already in use"},
		{"one of two stands by", Report{Connected: 1, Endpoints: []Endpoint{{Since: long, StandsBy: true}, {Up: true}}}, time.Time{}, ""},
		{"all stand by", Report{Endpoints: []Endpoint{{Endpoint: "tcp://a:1", Since: long, StandsBy: true, Reason: "another serves"}}}, time.Time{},
			"tcp://a:1 is away"},
		{"nobody connects", Report{Endpoints: []Endpoint{{Bound: true, Up: true}}}, long, "no receiver has connected"},
		{"nobody has connected yet", Report{Endpoints: []Endpoint{{Bound: true, Up: true}}}, before(time.Second), ""},
		{"under way", Report{Owed: &Owed{Unconfirmed: 7, Oldest: 1}}, time.Time{}, ""},
		{"not confirmed", Report{Owed: &Owed{Unconfirmed: 7, Oldest: 40}}, time.Time{}, "7 messages are not confirmed"},
		{"refused", Report{Owed: &Owed{Unconfirmed: 7, Oldest: 1, Refused: 2, Reason: "WRONGTYPE"}}, time.Time{},
			"2 messages are refused, and sent again: WRONGTYPE"},
		{"left, and not confirmed", Report{Owed: &Owed{}, Orphans: &Owed{Unconfirmed: 7, Oldest: 40}}, time.Time{},
			"7 messages that an earlier omzmq has left are not confirmed"},
		{"left, and refused", Report{Owed: &Owed{}, Orphans: &Owed{Unconfirmed: 7, Oldest: 1, Refused: 7, Reason: "WRONGTYPE"}}, time.Time{},
			"7 messages that an earlier omzmq has left are refused, and sent again: WRONGTYPE"},
		{"all are refused", Report{Refused: &Refused{Peer: "tcp://c:9", Reason: "client refused", At: before(time.Second)}}, time.Time{},
			"connections are refused, the last one of tcp://c:9: client refused"},
		{"one is refused", Report{Connected: 1, Refused: &Refused{At: before(time.Second)}}, time.Time{}, ""},
		{"one was refused long ago", Report{Refused: &Refused{At: long}}, time.Time{}, ""},
		{"no room", Report{NoRoom: &NoRoom{Journal: "/j", Reason: "no space left on device", Since: long}}, time.Time{},
			"there is no room for a journal in /j: no space left on device"},
		{"a failure that is over", Report{Failure: &Failure{At: long, Reason: "away"}}, time.Time{}, ""},
		{"failing", Report{Failure: &Failure{At: long, Since: long, Reason: "away", Lasts: true}}, time.Time{}, "rsyslog was told of a failure: away"},
		{"a destination that takes its time", Report{Destination: &Destination{To: "x", Since: ptr(before(time.Second))}}, time.Time{}, ""},
		{"a destination that is away", Report{Destination: &Destination{To: "redis://r", Since: &long, Reason: "refused"}}, time.Time{},
			"redis://r stores nothing: refused"},
		{"a destination that says nothing", Report{Destination: &Destination{To: "redis://r", Since: &long}}, time.Time{}, "redis://r does not answer"},
		{"a destination that refuses", Report{Destination: &Destination{To: "redis://r", Up: true, Refuses: "WRONGTYPE"}, Failure: &Failure{}}, time.Time{},
			"redis://r refuses messages: WRONGTYPE"},
		{"a journal in use", Report{Journals: []spool.Content{{Unconfirmed: 9, Process: 4711}}}, time.Time{}, ""},
		{"a journal that is about to be taken over", Report{Journals: []spool.Content{{Unconfirmed: 9, Dead: time.Second}}}, time.Time{}, ""},
		{"an orphan journal", Report{Journals: []spool.Content{{File: "/j/a", Unconfirmed: 9, Dead: time.Hour}}}, time.Time{},
			"journal /j/a: 9 messages of an omzmq that has ended wait"},
		{"an unreadable journal", Report{Journals: []spool.Content{{File: "/j/a", Problem: "permission denied"}}}, time.Time{}, "journal /j/a: permission denied"},
	} {
		r := test.report
		r.judge(now, test.lonely)
		r.judgeJournals(now, graceDead)
		r.Well = len(r.Problems) == 0
		switch {
		case r.Well != (len(r.Problems) == 0), test.want == "" != r.Well, len(r.Problems) > 1:
			t.Errorf("%s: %v, want %q", test.name, r.Problems, test.want)
		case test.want != "" && !strings.HasPrefix(r.Problems[0].What, test.want):
			t.Errorf("%s: %v, want %q", test.name, r.Problems, test.want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestWrite(t *testing.T) {
	r := Report{
		Program: "omzmq", Name: "main", Version: "1.2", Process: 4711, User: "syslog", Started: before(3 * time.Hour),
		Endpoints: []Endpoint{{Endpoint: "tcp://a:1", Up: true, Since: before(90 * time.Second)},
			{Endpoint: "tcp://b:1", Since: before(2 * time.Minute), Reason: "connection refused\x1b[2J"}},
		Peers:     []Peer{{Peer: "tcp://a:1", User: "web", Since: before(90 * time.Second), Unconfirmed: 1700, Queued: 3}},
		Connected: 22,
		Refused:   &Refused{Peer: "tcp://c:9", Reason: "client refused\a", At: before(50 * time.Second)},
		Owed:      &Owed{Unconfirmed: 1700, Oldest: 0.25},
		Failure:   &Failure{At: before(72 * time.Hour), Reason: "no peer is connected"},
		Journals:  []spool.Content{{File: "/j/a", Unconfirmed: 1700, Process: 4711}, {File: "/j/b"}},
		Numbers:   map[string]uint64{"received_total": 1234567, "confirmed_total": 1232867, "resent_total": 0},
		Rates:     map[string]float64{"received_total": 1020.4, "confirmed_total": 9.96, "resent_total": 0},
	}
	r.judge(now, time.Time{})
	var out bytes.Buffer
	r.Write(&out, now)
	const want = `omzmq "main", pid 4711, user syslog, version 1.2, up for 3h0m: NOT WELL
  ! tcp://b:1 is away: connection refused?[2J (for 2m0s)
  connects to  tcp://a:1  up for 1m30s
  connects to  tcp://b:1  away for 2m0s
  refused      tcp://c:9, 50s ago: client refused?
  peer         tcp://a:1  for 1m30s  user web, 1,700 unconfirmed, 3 queued
               and 21 more
  unconfirmed  1,700, the oldest for 250ms
  received     1,234,567 (1,020 a second)
  confirmed    1,232,867 (10.0 a second)
  last failure 3 days ago: no peer is connected
  journal      /j/a  1,700 unconfirmed, of pid 4711
  journal      /j/b  0 unconfirmed, of an omzmq that has ended
`
	if out.String() != want {
		t.Errorf("written:\n%s\nwant:\n%s", &out, want)
	}
}

// What goes on being wrong is logged once a minute, and its end once. What passes within a minute is not logged.
func TestMonitorLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var oldest time.Duration
		m := New(Source{Program: "omzmq", Numbers: statistics.New("omzmq", "omzmq"),
			Owed: func() delivery.State { return delivery.State{Unconfirmed: 5, Oldest: int64(oldest)} }},
			slog.New(slog.NewTextHandler(&log, nil)))
		pass := func(d time.Duration) (lines []string) {
			log.Reset()
			for until := time.Now().Add(d); time.Now().Before(until); {
				time.Sleep(tick)
				now := time.Now()
				m.look(now)
				m.log(now, m.Report(now))
			}
			return strings.Split(strings.TrimSpace(log.String()), "\n")
		}
		oldest = time.Minute
		if lines := pass(50 * time.Second); lines[0] != "" {
			t.Errorf("within a minute: %q", lines)
		}
		oldest = 0
		if lines := pass(time.Minute); lines[0] != "" {
			t.Errorf("what has passed within a minute: %q", lines)
		}
		oldest = time.Minute
		lines := pass(3*time.Minute + 10*time.Second)
		if len(lines) != 3 || !strings.Contains(lines[0], `msg="still wrong" what="5 messages are not confirmed" for=1m`) {
			t.Errorf("in three minutes: %q", lines)
		}
		oldest = 0
		if lines := pass(time.Minute); len(lines) != 1 || !strings.Contains(lines[0], `msg="all is well again" after=3m`) {
			t.Errorf("at the end: %q", lines)
		}
	})
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n uint64
		numbers := statistics.New("omzmq", "omzmq")
		numbers.Add("received_total", "", func() uint64 { return n })
		numbers.Add("peers", "", func() uint64 { return n })
		m := New(Source{Program: "omzmq", Numbers: numbers}, slog.New(slog.DiscardHandler))
		for range 100 {
			time.Sleep(tick)
			n += 50
			m.look(time.Now())
		}
		r := m.Report(time.Now())
		if r.Rates["received_total"] != 10 || len(r.Rates) != 1 || r.Numbers["peers"] != n {
			t.Errorf("rates %v of %v", r.Rates, r.Numbers)
		}
		n -= 4000
		if rate := m.Report(time.Now()).Rates["received_total"]; rate != 0 {
			t.Errorf("a rate of %v after lines were taken back", rate)
		}
		if len(m.samples) > 13 {
			t.Errorf("%d samples are kept", len(m.samples))
		}
	})
}

func TestNone(t *testing.T) {
	if err := (Question{Program: "none of ours"}).Print(t.Context(), &bytes.Buffer{}); err != ErrNone {
		t.Error(err)
	}
}

// Whoever answers may be anybody.
func TestDecode(t *testing.T) {
	for _, body := range []string{"null", "[]", "[null]", `[{"pid":1},null]`, "<html>"} {
		if reports, err := Decode([]byte(body)); err == nil {
			t.Errorf("%s: %v", body, reports)
		}
	}
	var out bytes.Buffer
	reports, err := Decode([]byte(`[{"program":"a\u001b","user":"b\u001b","version":"c\u001b","numbers":{"d\u001b":1},"rates":{"d\u001b":1}}]`))
	if err != nil {
		t.Fatal(err)
	}
	if reports[0].Write(&out, now); strings.Contains(out.String(), "\x1b") {
		t.Errorf("a terminal would obey %q", &out)
	}
}

// Journals that take long to read are read once, however many ask, and nobody waits for all of it.
func TestLargeJournals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, surveys := newJournals(), 0
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go j.follow(ctx, func(context.Context) ([]spool.Content, error) {
			surveys++
			time.Sleep(20 * time.Second)
			return []spool.Content{{Unconfirmed: surveys}}, nil
		}, "/j")
		began := time.Now()
		for range 10 {
			go j.contents()
		}
		if c := j.contents(); c != nil || time.Since(began) != journalPatience {
			t.Errorf("%v after %v", c, time.Since(began))
		}
		for time.Since(began) < 200*time.Second {
			time.Sleep(time.Second)
			j.contents()
		}
		if c := j.contents(); surveys != 1 || len(c) != 1 || c[0].Unconfirmed != 1 {
			t.Errorf("%v after %d surveys", c, surveys)
		}
	})
}
