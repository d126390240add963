package integration

import (
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// Every line arrives once, unaltered, from omrelp to imrelp.
func TestRelpIntake(t *testing.T) {
	t.Parallel()
	const messages = 20_000
	l := lines{seed: 61}
	to := startRsyslogd(t, preamble+relpToFile)
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:"+to.relp)
	k := startIntake(t, "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))
	from := startRsyslogd(t, preamble+wayIn+toRelp(k.port, memoryQueue))
	fed := from.feedMeanwhile(t, l, 0, messages)
	arrived := l.account(to.file("out"), messages)
	eventually(t, patience, "every message arrives", func() bool { return arrived.has(t, messages) })
	fed()
	from.stop(t)
	k.stop(t)
	k.logged(t, "msg=end received=20000 confirmed=20000 ")
	imzmq.stop(t)
	to.stop(t)
	arrived.settle(t, false)
}

// Whatever bytes a message has, that is what is stored. A line feed at its end is the template's.
func TestRelpIntakeKeepsBytes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "redis://"+server.Addr()+"/0?list="+redisKey)
	k := startIntake(t, "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t), "--max-message-size", "100KiB")
	const most = 100<<10 - 8 // the number has 8 bytes
	full, over := strings.Repeat("x", most), strings.Repeat("é", 150<<10)
	messages := []string{
		"<13>plain", "<13>ä 日本語 🙂", "", "\n", "<13>two\nlines\n\n", "<13>nul\x00nul", "\xff\xfe", "1 syslog 0\n2 syslog 1 x\n",
		strings.Repeat("x", 64<<10), full, full + "\n", full + "x", over, "<13>after",
	}
	want := slices.Clone(messages)
	for i, m := range want {
		want[i] = strings.TrimSuffix(m, "\n")
	}
	n := len(want)
	want[n-3], want[n-2] = full, over[:most]
	c := dialRelp(t, k.port)
	c.confirmed(t, c.post(t, messages...), n)
	c.close(t)
	if got := server.List(redisKey); !slices.Equal(got, want) {
		t.Errorf("%d stored, want %d", len(got), n)
		for i := range min(len(got), n) {
			if got[i] != want[i] {
				t.Errorf("%d: %d bytes %.60q, want %d bytes %.60q", i, len(got[i]), got[i], len(want[i]), want[i])
			}
		}
	}
	k.stop(t)
	k.logged(t, `msg=end received=14 .*truncated=2\b`)
}

// Topics, sockets and levels of confirmation are those of standard input.
func TestRelpIntakeSockets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, peer, line string
		flags, want      []string
	}{
		{"push", "PULL", "<13>a\tb", []string{"--socket", "push"}, []string{"<13>a\tb"}},
		{"push, sent", "PULL", "<13>a", []string{"--socket", "push", "--confirm", "sent", "--topic", "logs"}, []string{"logs", "<13>a"}},
		{"push, inline", "PULL", "auth|<13>a|b", []string{"--socket", "push", "--topic-delimiter", "|", "--topic-inline"}, []string{"auth<13>a|b"}},
		{"dealer, received", "DEALER", "x\t<13>a", []string{"--confirm", "received", "--topic-delimiter", `\t`}, []string{"x", "<13>a"}},
		{"dealer, sent", "DEALER", "<13>a", []string{"--confirm", "sent"}, []string{"<13>a"}},
		{"pub", "SUB", "auth\t<13>a", []string{"--socket", "pub", "--topic-delimiter", `\t`}, []string{"auth", "<13>a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			flags := []string{"--bind", "tcp://127.0.0.1:*"}
			if c.peer == "SUB" {
				flags = append(flags, "--subscribe", "auth")
			}
			peer := startPeer(t, c.peer, flags...)
			k := startIntake(t, append([]string{"--connect", peer.endpoint}, c.flags...)...)
			client := dialRelp(t, k.port)
			for range 3 {
				client.confirmed(t, client.post(t, c.line, c.line), 2)
				peer.expect(t, c.want...)
				peer.expect(t, c.want...)
			}
			client.close(t)
			k.stop(t)
		})
	}
	t.Run("dealer, stored", func(t *testing.T) {
		t.Parallel()
		router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
		k := startIntake(t, "--connect", endpoint, "--topic-delimiter", "|")
		client := dialRelp(t, k.port)
		client.confirmed(t, client.post(t, "auth|<13>a", "<13>no topic", "|"), 3)
		router.expect(t, "1\tauth\t<13>a", "2\t\t<13>no topic", "3\t\t")
		client.close(t)
		k.stop(t)
	})
}

// While the receiver stands still, nothing is answered and omrelp's window stays full. When it goes on, everything is.
func TestRelpIntakeAnswersWhatIsStored(t *testing.T) {
	t.Parallel()
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	k := startIntake(t, "--connect", endpoint, "--heartbeat", "0")
	from := startRsyslogd(t, preamble+impstats+wayIn+toRelp(k.port, memoryQueue+` windowSize="50"`))
	c := dialRelp(t, k.port)
	c.confirmed(t, c.post(t, "before"), 1)
	router.signal(t, syscall.SIGSTOP)
	first := c.post(t, numbered("raw", 1000)...)
	l := lines{seed: 62, longest: 300}
	from.feed(t, l, 0, 200)
	eventually(t, patience, "omrelp's window is full", func() bool {
		return from.counter(t, "omrelp queue", "size") >= 100
	})
	select {
	case a := <-c.answers:
		t.Fatalf("%+v was answered", a)
	default:
	}
	router.signal(t, syscall.SIGCONT)
	c.confirmed(t, first, 1000)
	arrived := l.account("", 200)
	seen := map[string]int{}
	eventually(t, patience, "every message arrives", func() bool {
		for {
			select {
			case line := <-router.lines:
				text := line[strings.LastIndex(line, "\t\t")+2:]
				if _, ours := number([]byte(text)); ours {
					arrived.add([]byte(text))
				} else {
					seen[text]++
				}
				continue
			default:
			}
			return arrived.arrived == 200 && len(seen) == 1001
		}
	})
	c.close(t)
	from.stop(t)
	k.stop(t)
	k.logged(t, "msg=end received=1201 confirmed=1201 ")
	arrived.settle(t, false)
}

// An address that others can reach is refused, one that is taken is waited for, or refused with what to do.
func TestRelpIntakeAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:2514", ":2514", "[::]:2514", "192.0.2.1:2514", "example.com:2514", "2514"} {
		wantUsageError(t, "omzmq", []string{"--relp", address, "--connect", "tcp://127.0.0.1:1"})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	flags := []string{"--relp", l.Addr().String(), "--connect", endpoint}
	p := start(t, "omzmq", exec.Command(program("omzmq"), flags...))
	if code := p.exit(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	p.logged(t, `--relp: .*address already in use`)

	p = start(t, "omzmq", exec.Command(program("omzmq"), append(flags, "--bind-retry", "1h", "--reconnect", "10ms")...))
	p.logged(t, "cannot listen; will go on trying")
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	eventually(t, patience, "omzmq listens", func() bool { return listens(p.pid(), port) })
	c := dialRelp(t, port)
	c.confirmed(t, c.post(t, "late"), 1)
	router.expect(t, "1\t\tlate")
	c.close(t)
	p.stop(t)
}

// Without a peer the session ends after --send-timeout. rsyslog suspends the action, gives the messages to another one,
// and comes back when there is a peer.
func TestRelpIntakeWithoutPeer(t *testing.T) {
	t.Parallel()
	endpoint := nowhere(t)
	k := startIntake(t, "--connect", endpoint, "--send-timeout", "500ms", "--reconnect-max", "100ms")
	action := strings.Replace(relpAction("omrelp", k.port, `windowSize="10"`), `action.resumeRetryCount="-1"`, "", 1)
	from := startRsyslogd(t, preamble+wayIn+`
module(load="omrelp")
ruleset(name="in" queue.type="Direct") { `+action+`
	action(name="second" type="omfile" file="[dir]/second" template="raw" action.execOnlyWhenPreviousIsSuspended="on")
}
`)
	l := lines{seed: 63, longest: 200}
	from.feed(t, l, 0, 100)
	other := l.account(from.file("second"), 1<<20)
	eventually(t, patience, "the other action gets all", func() bool { return other.has(t, 100) })
	k.logged(t, "session ended.*no peer is connected .* for 500ms")
	router, _ := startRouter(t, endpoint)
	all := l.account("", 1<<20)
	sent := 100
	eventually(t, patience, "omrelp's action resumes", func() bool {
		from.feed(t, l, sent, sent+1)
		sent++
		return router.takes(all) > 0
	})
	from.feed(t, l, sent, sent+50)
	sent += 50
	eventually(t, patience, "every message is somewhere", func() bool {
		other.poll(t)
		return other.arrived+router.takes(all) >= sent
	})
	from.stop(t)
	k.stop(t)
	router.takes(all)
	other.poll(t)
	for n := range sent {
		if other.seen[n]+all.seen[n] != 1 {
			t.Errorf("line %d: %d and %d times", n, other.seen[n], all.seen[n])
		}
	}
}

// takes enters what router.py has printed, and returns how many different lines there are.
func (r *receiver) takes(a *account) int {
	for {
		select {
		case line, open := <-r.lines:
			if open {
				a.add([]byte(line[strings.LastIndex(line, "\t\t")+2:]))
				continue
			}
		default:
		}
		return a.arrived
	}
}
