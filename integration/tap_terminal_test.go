package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

func tapCommand(flags ...string) *exec.Cmd { return exec.Command(program("zmqtap"), flags...) }

// repeating starts a libzmq PUB that sends the same message again and again, so that late subscribers receive
// it too.
func repeating(t *testing.T, frames ...string) *peer {
	t.Helper()
	p := startPeer(t, "PUB", "--bind", "tcp://127.0.0.1:*")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for p.post(frames...) == nil {
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return p
}

const hostileLine = "<19>1 - web1 postfix - - - \x1b[2Jhostile\x9b\u202e"

// A person sees topics and severities in colour, and nothing that a stranger sends controls the terminal.
func TestTapAtATerminal(t *testing.T) {
	pub := repeating(t, "mail.err.\x1b]0;title\a", hostileLine)
	for name, plain := range map[string]struct{ flag, env string }{
		"colours":    {},
		"NO_COLOR":   {env: "NO_COLOR=1"},
		"--no-color": {flag: "--no-color"},
		"TERM=dumb":  {env: "TERM=dumb"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := tapCommand(pub.endpoint)
			if plain.flag != "" {
				cmd.Args = append(cmd.Args, plain.flag)
			}
			cmd.Env = append(cmd.Environ(), "NO_COLOR=", "TERM=xterm", plain.env)
			tap := startAtTerminal(t, cmd)
			tap.shows(t, "#033[2Jhostile#233<U+202E>")
			tap.types(t, "\x03")
			if code := tap.exit(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			tap.shows(t, " seen, ")
			colours := regexp.MustCompile(`\x1b\[[0-9;]*m`)
			text := tap.out.String()
			if (plain.env+plain.flag == "") != colours.MatchString(text) {
				t.Errorf("colours: %v", colours.MatchString(text))
			}
			if left := colours.ReplaceAllString(text, ""); strings.ContainsAny(left, "\x1b\a\u202e\u009b") || !utf8.ValidString(left) {
				t.Errorf("the terminal would interpret %q", tail(left, 500))
			}
		})
	}
}

// Rates are updated in place, and the terminal is restored at the end.
func TestTapRatesAtATerminal(t *testing.T) {
	t.Parallel()
	pub := repeating(t, "mail.err.x\x1b", "x")
	cmd := tapCommand(pub.endpoint, "--rate")
	cmd.Env = append(cmd.Environ(), "TERM=xterm")
	tap := startAtTerminal(t, cmd)
	tap.shows(t, "mail.err.x#033")
	tap.types(t, "\x03")
	tap.shows(t, " seen, ")
	text := tap.out.String()
	restored := strings.LastIndex(text, "\x1b[?1049l") > strings.LastIndex(text, "BYTES/S")
	if !strings.Contains(text, "\x1b[?1049h") || !restored {
		t.Errorf("the terminal was sent %q", tail(text, 1000))
	}
}

// A pipe gets exactly what was asked for.
func TestTapIntoAPipe(t *testing.T) {
	t.Parallel()
	pub := repeating(t, "mail.err.postfix", "<19>two\nlines\x1b")
	other := repeating(t, "auth.info.sshd", "<38>other")
	for _, test := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--topic", "mail", "--count", "3"}, "mail.err.postfix\t<19>two#012lines#033\n"},
		{[]string{"--grep", "^<3.>o.h", "--count", "3"}, "auth.info.sshd\t<38>other\n"},
		{[]string{"--topic", "x", "--topic", "mail", "--raw", "--count", "3"}, "<19>two#012lines\x1b\n"},
		{[]string{"--topic", "nobody", "--for", "300ms"}, ""},
	} {
		out, err := tapCommand(append(test.flags, pub.endpoint, other.endpoint)...).Output()
		if want := strings.Repeat(test.want, 3); err != nil || string(out) != want {
			t.Errorf("%q: %v, %q, want %q", test.flags, err, out, want)
		}
	}
	out, err := tapCommand(pub.endpoint, "--json", "--count", "1").Output()
	var m struct {
		Topic, Message string
		Received       time.Time
	}
	if err != nil || json.Unmarshal(out, &m) != nil ||
		m.Topic != "mail.err.postfix" || m.Message != "<19>two\nlines\x1b" || m.Received.IsZero() {
		t.Errorf("%v, %q", err, out)
	}
	out, err = tapCommand(pub.endpoint, "--rate", "--count", "50").Output()
	rates := `(?m)msg/s +[0-9.]+ (Ki)?B/s +total 50 .*\n.*\n +[0-9.]+ +[0-9.]+ (Ki)?B/s +50  mail\.err\.postfix\n\n$`
	if err != nil || !regexp.MustCompile(rates).Match(out) {
		t.Errorf("%v, %q", err, out)
	}
}

// When the reading end of its pipe closes, zmqtap ends quietly, even if no message arrives.
func TestTapPipeEnds(t *testing.T) {
	busy, idle := repeating(t, "t", "x"), startPeer(t, "PUB", "--bind", "tcp://127.0.0.1:*")
	for name, endpoint := range map[string]string{"busy": busy.endpoint, "idle": idle.endpoint} {
		t.Run(name, func(t *testing.T) {
			cmd := tapCommand(endpoint, "--log-level", "error")
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			tap := start(t, "zmqtap", cmd)
			stdout.Close()
			if code := tap.exit(t); code != 0 || tap.stderr.String() != "" {
				t.Errorf("exit code %d, %q", code, tap.stderr)
			}
		})
	}
}

// startPublisher binds an XPUB of ours. A peer that subscribes is sent to subscribed.
func startPublisher(t *testing.T, hwm int) (pub *zmq.Socket, endpoint string, subscribed chan *zmq.Peer) {
	t.Helper()
	subscribed = make(chan *zmq.Peer, 1)
	note := func(p *zmq.Peer, _ []byte, wanted bool, apply func()) {
		if apply(); wanted {
			subscribed <- p
		}
	}
	pub, err := zmq.New(zmq.Config{Type: zmq.XPub, HWM: hwm, OnSubscription: note})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pub.Close(context.Background()) })
	endpoint, err = pub.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return pub, endpoint, subscribed
}

// If nothing reads its output, zmqtap drops what does not fit and counts it. The publisher never waits.
func TestTapSlowOutput(t *testing.T) {
	const total, size = 60_000, 1000
	pub, at, subscribed := startPublisher(t, total)
	tap, _, stdout := startPiped(t, "zmqtap", tapCommand(at, "--raw"))
	peer := <-subscribed
	publish := func(text string) {
		pub.Publish(nil, []byte(text))
		pub.Flush()
	}
	text := strings.Repeat("x", size)
	for n := range uint64(total) {
		publish(text)
		if n%1000 == 999 {
			eventually(t, patience, "it takes everything, as if its output were read", func() bool {
				return peer.Written() == n+1
			})
		}
	}
	reader := &receiver{process: tap, lines: make(chan string, 2*total)}
	go reader.read(stdout)
	published, got := total, 0
	for tick := time.NewTicker(10 * time.Millisecond); ; { // the first one not missed comes after all that are
		select {
		case line := <-reader.lines:
			if got++; line != "again" {
				continue
			}
		case <-tick.C:
			published++
			publish("again")
			continue
		}
		break
	}
	publish("last")
	published++
	for line := range reader.lines {
		if got++; line == "last" {
			break
		}
	}
	tap.stop(t)
	missed, _ := strconv.Atoi(tap.logged(t, `(?m)^(\d+) messages missed: this end was too slow$`)[1])
	if got+missed != published || missed == 0 {
		t.Errorf("%d lines and %d missed of %d", got, missed, published)
	}
	tap.logged(t, `messages are missing: this end is too slow" messages=[1-9]`)
}

// zmqtap reports what one of our publishers has dropped for it.
func TestTapSaysWhatPublishersDropped(t *testing.T) {
	d := drive(t, "--socket", "pub", "--hwm", "100", "--bind", "tcp://127.0.0.1:0")
	tap := startReceiver(t, "zmqtap", tapCommand("--raw", "tcp://127.0.0.1:"+d.boundPort(t)))
	eventually(t, patience, "the subscription", func() bool {
		d.commits(t, warmUp)
		return len(tap.lines) > 0
	})
	n := d.dropsFor(t, tap.process)
	got, n := d.numbersUntilNow(t, tap, n)
	d.finish(t)
	tap.stop(t) // now its stderr is complete
	if missing := reportedMissing(tap.process); got+missing != n || missing == 0 {
		t.Errorf("%d arrived and %d were reported missing, of %d", got, missing, n)
	}
}

// dropsFor publishes numbered messages while a process is frozen, until omzmq has dropped some for it. It returns their
// number.
func (d *driver) dropsFor(t *testing.T, frozen *process) (n int) {
	t.Helper()
	frozen.signal(t, syscall.SIGSTOP)
	long := strings.Repeat("x", 60_000)
	for ; !strings.Contains(d.stderr.String(), "too slow and misses messages"); n++ {
		d.commits(t, fmt.Sprintf("<13>number %d %s", n, long))
	}
	frozen.signal(t, syscall.SIGCONT)
	return n
}

// numbersUntilNow publishes further messages until the newest one has arrived. It returns how many have arrived, and
// how many were published.
func (d *driver) numbersUntilNow(t *testing.T, tap *receiver, published int) (got, n int) {
	t.Helper()
	n = published
	last := -1
	arrived := func() bool {
		for len(tap.lines) > 0 {
			if count, _ := fmt.Sscanf(tap.next(t), "<13>number %d ", &last); count == 1 {
				got++
			}
		}
		return last == n-1
	}
	for last < n-1 { // until one arrives after the gap
		d.commits(t, fmt.Sprintf("<13>number %d after", n))
		n++
		polled(time.Second, arrived) // if not, it was dropped, or comes late
	}
	return got, n
}

var missingReport = regexp.MustCompile(`messages are missing" publisher=\S+ messages=(\d+)`)

// reportedMissing returns how many messages a zmqtap has logged as missing. The process has ended.
func reportedMissing(tap *process) (n int) {
	for _, found := range missingReport.FindAllStringSubmatch(tap.stderr.String(), -1) {
		said, _ := strconv.Atoi(found[1])
		n += said
	}
	return n
}
