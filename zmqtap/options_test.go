package main

import (
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

// printed starts a zmqtap with these flags that writes to a pipe, publishes, and returns the lines when it has ended.
func printed(t *testing.T, flags []string, messages ...[2]string) []string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, pub, _ := printing(t, 0, w, nil, flags...)
	w.Close()
	for _, m := range messages {
		pub.Publish([]byte(m[0]), []byte(m[1]))
	}
	pub.Flush()
	p.exits(0)
	all, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(all), "\n"), "\n")
}

// logged are messages for the flags to choose from. The last one is shown whatever is chosen.
var logged = [][2]string{
	{"daemon.err.nginx", "<27>1 2026-11-30T17:03:18.123456+01:00 web3 nginx 6883 - - upstream timed out\n"},
	{"sshd/web1/", "<86>1 2026-11-30T16:03:18Z WEB1 sshd 42 - - Failed\n  password"},
	{"orders", `{"time":"2026-11-30T16:03:18Z","level":"warn","host":"db1","program":"shop","msg":"slow","ms":[1,2]}`},
	{"plain", "no header"},
	{"end", "<8>1 2026-11-30T16:03:18Z web9 nginx 1 - - the end"},
}

// The forms of output, and what chooses messages.
func TestOutput(t *testing.T) {
	const nginx, sshd, shop, end = "16:03:18 web3 nginx[6883] error  upstream timed out",
		"16:03:18 WEB1 sshd[42] info   Failed#012  password", "16:03:18 db1 shop warn   [orders] slow ms=[1,2]", "16:03:18 web9 nginx[1] emerg  [end] the end"
	plain := "plain|-|-|no header"
	const short = "{topic}|{host}|{severity}|{text}"
	for _, c := range []struct {
		flags string
		want  []string // the beginning of each line
	}{
		{"--raw --count 3", []string{logged[0][1][:len(logged[0][1])-1] + "#012", "<86>1 2026-11-30T16:03:18Z WEB1 sshd 42 - - Failed#012  password", logged[2][1]}},
		{"--json --count 2", []string{`{"topic":"daemon.err.nginx","message":"<27>1 2026-11-30T17:03:18.123456+01:00 web3 nginx 6883 - - upstream timed out\n","received":"`,
			`{"topic":"sshd/web1/","message":"<86>1 2026-11-30T16:03:18Z WEB1 sshd 42 - - Failed\n  password","received":"`}},
		{"--utc --count 3", []string{nginx, sshd, shop}},
		{"--utc --count 3 --exclude plain|header", []string{nginx, sshd, shop}},
		{"--utc --count 3 --exclude upstream --exclude header", []string{sshd, shop, end}},
		{"--utc --count 2 --grep out|end", []string{nginx, end}},
		{"--utc --count 2 --grep out --grep (?i)END$", []string{nginx, end}},
		{"--utc --count 3 --severity warning", []string{nginx, shop, end}},
		{"--utc --count 2 --severity 3", []string{nginx, end}},
		{"--utc --count 2 --severity err", []string{nginx, end}},
		{"--utc --count 3 --host web*", []string{nginx, sshd, end}},
		{"--utc --count 2 --host web1 --host web9", []string{sshd, end}},
		{"--utc --count 2 --program nginx", []string{nginx, end}},
		{"--utc --count 2 --program s[a-z]?? --program NGINX --severity 6", []string{sshd, shop}},
		{"--utc --count 1 --program nginx --host *3 --grep out --exclude header --severity 3", []string{nginx}},
		{"--count 5 --format " + short, []string{"daemon.err.nginx|web3|error|upstream timed out", "sshd/web1/|WEB1|info|Failed#012  password",
			"orders|db1|warn|slow ms=[1,2]", plain, "end|web9|emerg|the end"}},
		{"--utc --count 2 --pretty --host d* --host web1", []string{"16:03:18 WEB1 sshd[42] info   Failed", "    password", "16:03:18 db1 shop warn   [orders] slow",
			"  {", `    "time": "2026-11-30T16:03:18Z",`, `    "level": "warn",`, `    "host": "db1",`, `    "program": "shop",`, `    "msg": "slow",`,
			`    "ms": [`, "      1,", "      2", "    ]", "  }"}},
		{"--utc --count 1 --color always", []string{"16:03:18 web3 \x1b[38;5;"}},
		{"--utc --count 1 --color always --grep stream", []string{"16:03:18 web3 \x1b[38;5;231;48;5;96mnginx\x1b[0m[6883] \x1b[1;38;5;231;48;5;160merror\x1b[0m  up\x1b[38;5;16;48;5;227mstream\x1b[0m timed out"}},
		{"--utc --count 1 --color auto", []string{nginx}},
		{"--utc --count 1 --color never", []string{nginx}},
	} {
		t.Run(c.flags, func(t *testing.T) {
			t.Parallel()
			got := printed(t, strings.Fields(c.flags), logged...)
			for i, line := range c.want {
				if i >= len(got) || !strings.HasPrefix(got[i], line) {
					t.Fatalf("printed %q, want %q", got, c.want)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("printed %q, want %q", got, c.want)
			}
		})
	}
}

// The summary is written at each end but that of the pipe's reader.
func TestSummary(t *testing.T) {
	p, pub, _ := printing(t, 0, nil, nil, "--count", "1")
	pub.Publish([]byte("t"), []byte("x"))
	pub.Flush()
	p.exits(0)
	p.logged("(?m)^1 message seen, 1 printed; 1 B in .*\n1 topic: t 1$")
	p = launch(t, "--for", "1ms", "tcp://127.0.0.1:1")
	p.exits(0)
	p.logged("(?m)^0 messages seen, 0 printed")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p, _, _ = printing(t, 0, w, nil)
	w.Close()
	r.Close()
	p.exits(0)
	if text := p.log(); strings.Contains(text, "seen") {
		t.Errorf("the end of the pipe's reader has a summary: %s", text)
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
