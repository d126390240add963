package integration

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// rsyslogd is stopped while Redis refuses what it is given: a string is where the list should be. rsyslogd then
// counts its batch as delivered, so that only the journal has it, or, since keepsBatchAtStop, sends it again after its
// next start. When Redis takes it, nothing is missing.
func TestRefusedAndStopped(t *testing.T) {
	t.Parallel()
	const messages = 1000
	server := redistest.Start(t)
	server.Do("set", redisKey, "a string")
	endpoint := nowhere(t)
	startImzmq(t, "--bind", endpoint, "--to", "redis://"+server.Addr()+"/0?list="+redisKey)
	l := lines{seed: 41, longest: 300}
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--journal [dir]/journals --reconnect-max 300ms --connect "+endpoint,
		diskQueue+` queue.timeoutShutdown="100" queue.timeoutActionCompletion="1000" closeTimeout="500"`))
	from.feed(t, l, 0, messages)
	refused := regexp.MustCompile(`omzmq: .*WRONGTYPE`)
	eventually(t, patience, "rsyslogd's log has the reason", func() bool {
		words, _ := os.ReadFile(from.file("internal.log")) // may not exist yet
		return refused.Match(words)
	})
	omzmq := children(t, from.pid(), "omzmq")
	from.stop(t)
	wantGone(t, omzmq)
	server.Do("del", redisKey)
	from.again(t)
	arrived := l.account("", messages)
	eventually(t, patience, "every message is stored", func() bool {
		arrived = l.account("", messages)
		for _, line := range server.List(redisKey) {
			arrived.add([]byte(line))
		}
		return arrived.arrived == messages
	})
	from.stop(t)
	wantNoJournals(t, from.file("journals"))
	arrived.settle(t, release() >= keepsBatchAtStop)
}

// However a message comes to be refused, and whatever was tried with it after that: when rsyslog ends the conversation,
// it stays in the journal, and another worker's omzmq delivers it.
func TestRefusedStaysInTheJournal(t *testing.T) {
	t.Parallel()
	const refusal = "WRONGTYPE"
	batch := []string{"<13>a", "<13>b", "<13>a"}
	refuses := func(t *testing.T, d *driver, lines ...string) {
		t.Helper()
		if r := d.transaction(t, lines...); !strings.Contains(r.text, refusal) {
			t.Fatalf("the commit was answered %q", r.text)
		}
	}
	for name, c := range map[string]struct {
		want []string
		do   func(t *testing.T, d *driver, imzmq *process)
	}{
		"at COMMIT":         {batch, func(t *testing.T, d *driver, _ *process) { refuses(t, d, batch...) }},
		"and again, alone":  {batch, func(t *testing.T, d *driver, _ *process) { refuses(t, d, batch...); refuses(t, d, "<13>b") }},
		"and sent again":    {batch, func(t *testing.T, d *driver, _ *process) { refuses(t, d, batch...); d.begin(t); d.accept(t, "<13>a") }},
		"and nothing after": {[]string{"<13>b"}, func(t *testing.T, d *driver, _ *process) { refuses(t, d, "<13>b"); d.commits(t) }},
		"outside a transaction": {[]string{"<13>b"}, func(t *testing.T, d *driver, _ *process) {
			d.write(t, "<13>b")
			if r := d.reply(t); !strings.Contains(r.text, refusal) {
				t.Fatalf("the message was answered %q", r.text)
			}
		}},
		"and BEGIN has timed out": {batch, func(t *testing.T, d *driver, imzmq *process) {
			refuses(t, d, batch...)
			imzmq.kill()
			d.logged(t, "connection lost; dialling again")
			if r := d.transaction(t, "<13>b"); !strings.Contains(r.text, "no peer is connected") {
				t.Fatalf("BEGIN was answered %q", r.text)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, endpoint := redistest.Start(t), nowhere(t)
			server.Do("set", redisKey, "a string")
			to := []string{"--bind", endpoint, "--to", "redis://" + server.Addr() + "/0?list=" + redisKey}
			imzmq := startImzmq(t, to...)
			journal := folder(t) + "/journals"
			flags := []string{"--journal", journal, "--connect", endpoint, "--reconnect-max", "300ms", "--send-timeout", "2s", "--linger", "1s"}
			d := drive(t, flags...)
			c.do(t, d, imzmq)
			wantExit(t, d, 0)
			d.logged(t, fmt.Sprintf(`kept in the journal.* messages=%d `, len(c.want)))

			refusing := drive(t, append(flags, "--hwm", "999")...) // another worker's: rsyslog sends it nothing again
			if imzmq.running() {
				refusing.logged(t, "are refused; they stay in the journal")
			}
			wantExit(t, refusing, 0)
			if len(journals(journal)) == 0 {
				t.Fatal("the journal is gone")
			}

			server.Do("del", redisKey)
			if !imzmq.running() {
				startImzmq(t, to...)
			}
			other := drive(t, append(flags, "--hwm", "998")...)
			eventually(t, patience, "what was refused is stored", func() bool {
				return len(server.List(redisKey)) == len(c.want)
			})
			other.commits(t, "<13>its own")
			wantExit(t, other, 0)
			wantNoJournals(t, journal)
			if got, want := server.List(redisKey), append(c.want, "<13>its own"); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("stored %q, want %q", got, want)
			}
		})
	}
}

// With confirmMessages="off" rsyslog sends nothing again. A refused message is lost, which is logged when it
// happens and counted; an equal line that comes after it is a message of its own.
func TestRefusedWithoutConfirmation(t *testing.T) {
	t.Parallel()
	server, endpoint := redistest.Start(t), nowhere(t)
	server.Do("set", redisKey, "a string")
	startImzmq(t, "--bind", endpoint, "--to", "redis://"+server.Addr()+"/0?list="+redisKey)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd := exec.Command(program("omzmq"), "--connect", endpoint)
	cmd.Stdout = null
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, "omzmq", cmd)
	say := func(text string) {
		t.Helper()
		if _, err := stdin.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	say("<13>a\n")
	p.logged(t, "messages lost.* messages=1 .*WRONGTYPE")
	server.Do("del", redisKey)
	say("<13>a\n<13>b\n")
	eventually(t, patience, "the lines after the refused one are stored", func() bool {
		return strings.Join(server.List(redisKey), " ") == "<13>a <13>b"
	})
	stdin.Close()
	if code := p.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.logged(t, "msg=end received=3 confirmed=2 .*lost=1 ")
}
