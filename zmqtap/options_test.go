package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// next returns the next value from a channel, for which it waits no longer than 30 seconds.
func next(t *testing.T, values <-chan string) string {
	t.Helper()
	select {
	case value := <-values:
		return value
	case <-time.After(30 * time.Second):
		t.Fatal("nothing arrives")
		return ""
	}
}

// numbers publishes 0 to n-1, each after the one before has arrived at a reader of the stream.
func numbers(t *testing.T, pub *zmq.Socket, url string, n int) {
	t.Helper()
	lines := follow(t, http.DefaultClient, url+"stream?grep=^[0-9]%2B$")
	probes := follow(t, http.DefaultClient, url+"stream")
	publish(t, pub, probes)
	for i := range n {
		pub.Publish([]byte("t"), []byte(strconv.Itoa(i)))
		pub.Flush()
		if got := next(t, lines); got != strconv.Itoa(i) {
			t.Fatalf("%q where %d is due", got, i)
		}
	}
}

// A late reader gets what --http-history and --hwm allow.
func TestHistoryAndQueue(t *testing.T) {
	for _, command := range [][]string{{"serve"}, {"hub", "--in-connect"}} {
		for name, test := range map[string]struct {
			flag, value string
			want        []string
		}{
			"one group of messages": {"--http-history", "1", []string{"19"}},
			"a short queue":         {"--hwm", "3", []string{"17", "18", "19"}},
		} {
			t.Run(command[0]+" "+name, func(t *testing.T) {
				pub, at := publishing(t)
				p := launch(t, append(slices.Clone(command), at, "--http", "127.0.0.1:0", test.flag, test.value)...)
				url := p.logged(`msg=serving at=(\S+)`)
				numbers(t, pub, url, 20)
				late := follow(t, http.DefaultClient, url+"stream?last=1000")
				var got []string
				for line := ""; line != "19"; got = append(got, line) {
					line = next(t, late)
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("a late reader gets %q, want %q", got, test.want)
				}
			})
		}
	}
}

// A late subscriber gets what --replay and --replay-bytes allow.
func TestReplay(t *testing.T) {
	for name, test := range map[string]struct {
		args        []string
		least, most int
	}{
		"messages": {[]string{"--replay", "3"}, 3, 3},
		"bytes":    {[]string{"--replay", "1000", "--replay-bytes", "1KiB"}, 1, 4},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "rz-")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			pub, at := publishing(t)
			out := "ipc://" + filepath.Join(dir, "out")
			p := launch(t, append([]string{"hub", "--in-connect", at, "--out", out, "--http", "127.0.0.1:0"}, test.args...)...)
			numbers(t, pub, p.logged(`msg=serving at=(\S+)`), 20)
			sub := taptest.Open(t, zmq.Config{Type: zmq.Sub, Subscribe: []string{""}})
			if err := sub.Connect(out); err != nil {
				t.Fatal(err)
			}
			n := 0
			for last := ""; last != "19"; {
				b, err := sub.Recv(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				n += b.Len()
				last = string(b.Frames(b.Len() - 1)[1])
				b.Release()
			}
			if n < test.least || n > test.most {
				t.Errorf("a late subscriber gets %d messages", n)
			}
		})
	}
}

// zmqtap asks the publisher for its topics, and for nothing else.
func TestTopics(t *testing.T) {
	asked := make(chan string, 10)
	pub := taptest.Open(t, zmq.Config{Type: zmq.XPub, OnSubscription: func(_ *zmq.Peer, prefix []byte, _ bool, apply func()) {
		apply()
		asked <- string(prefix)
	}})
	at, err := pub.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{nil, {"serve", "--http", "127.0.0.1:0"}} {
		p := launch(t, append(slices.Clone(command), at, "--topic", "a", "--topic", "b")...)
		got := []string{next(t, asked), next(t, asked)}
		slices.Sort(got)
		if want := []string{"a", "b"}; !slices.Equal(got, want) {
			t.Errorf("%q asks for %q", command, got)
		}
		p.signal(os.Interrupt)
		p.exits(0)
		next(t, asked) // both are cancelled
		next(t, asked)
	}
}

// The forms of output, and --grep.
func TestOutput(t *testing.T) {
	for args, want := range map[string][]string{
		"--raw --count 3":           {"one", "two", "three"},
		"--raw --count 2 --grep ^t": {"two", "three"},
		"--json --count 3":          {`{"topic":"a","message":"one",`, `{"topic":"b","message":"two",`, `{"topic":"a","message":"three",`},
		"--count 1":                 {"a\tone"},
	} {
		t.Run(args, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			p, pub, _ := printing(t, 0, w, nil, strings.Fields(args)...)
			w.Close()
			for _, m := range [][2]string{{"a", "one"}, {"b", "two"}, {"a", "three"}} {
				pub.Publish([]byte(m[0]), []byte(m[1]))
			}
			pub.Flush()
			p.exits(0)
			lines := bufio.NewScanner(io.LimitReader(r, 1<<20))
			for _, part := range want {
				if !lines.Scan() || !strings.HasPrefix(lines.Text(), part) {
					t.Errorf("printed %q, want %q", lines.Text(), part)
				}
			}
			if lines.Scan() {
				t.Errorf("and %q", lines.Text())
			}
		})
	}
}

// The summary is written after a signal and after a loss, and otherwise not.
func TestSummary(t *testing.T) {
	p, pub, _ := printing(t, 0, nil, nil, "--count", "1")
	pub.Publish([]byte("t"), []byte("x"))
	pub.Flush()
	p.exits(0)
	if text := p.log(); strings.Contains(text, "seen") {
		t.Errorf("an uneventful end has a summary: %s", text)
	}
	other, at := publishing(t)
	p, pub, _ = printing(t, 0, nil, nil, "--count", "1", at)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	pub.Close(gone)
	p.logged("level=WARN.*reason=")
	taptest.Eventually(t, "the end", func() bool {
		other.Publish([]byte("t"), []byte("x"))
		other.Flush()
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	p.exits(0)
	p.logged("1 connection lost")
}

// What is missing is added up by its kind, and the rates show it.
func TestMissingIsCounted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	v := newView(&printOptions{rateOptions: rateOptions{rate: true}}, nil, w, false, slog.New(slog.DiscardHandler))
	v.miss(tap.Delivery{Missed: 20})
	v.miss(tap.Delivery{Gap: &tap.Gap{Count: 3}})
	v.miss(tap.Delivery{Gap: &tap.Gap{}})
	if s := v.summary(); s.Slow != 20 || s.Dropped != 3 || s.Lost != 1 {
		t.Errorf("the summary is %+v", s)
	}
	if err := v.render(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if text, err := io.ReadAll(r); err != nil || !strings.Contains(string(text), "missed 23") {
		t.Errorf("the rates are %q, %v", text, err)
	}
}
