package kafka_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
)

// Two writers share a memory. One does not take what the other serves, until that has ended.
func elsewhere(t *testing.T, c *shared) {
	c.create("elsewhere", nil)
	const where = "/elsewhere?once=true&state=state-elsewhere"
	cfg, log := config(t, c.Bootstrap(), where, nil)
	first := newWriter(t, cfg)
	each(t, store(t, first, numbered(alice, 1, 10)...), "ok")
	second, log2 := writer(t, c.Bootstrap(), where, nil)
	each(t, store(t, second, numbered(bob, 1, 5)...), "ok")
	eventually(t, "the owner's sign of life", func() bool { return !second.Serves(alice) })
	if first.Serves(bob) || !first.Serves(alice) || !second.Serves(bob) {
		t.Error("a writer serves another's sender, or not its own")
	}
	each(t, store(t, second, numbered(alice, 5, 15)...), "elsewhere")
	closeWriter(t, first)
	eventually(t, "the owner's end", func() bool { return second.Serves(alice) })
	fates := store(t, second, numbered(alice, 5, 15)...)
	each(t, fates[:5], "repeat")
	each(t, fates[5:], "ok")
	log2.wants(t, "senders have come from another imzmq")
	c.wants(t, "elsewhere", append(texts(1, 15), texts(1, 5)...)...)
	for _, log := range []*journal{log, log2} {
		if log.has("are refused") || log.has("senders wait") {
			t.Error("a trouble is logged")
		}
	}
}

// child is another process with a writer, which stores batches of alice's from number 1 on until its standard input
// ends.
type child struct {
	cmd    *exec.Cmd
	input  io.Closer
	stored atomic.Int64 // the end of the last batch that was stored
	away   atomic.Int64 // messages that were sent away
	ended  chan struct{}
}

const childBatch = 50

// TestChild is the process.
func TestChild(t *testing.T) {
	to := os.Getenv("KAFKA_CHILD")
	if to == "" {
		return // it is a part of other tests
	}
	servers, where, _ := strings.Cut(to, " ")
	w, _ := writer(t, servers, where, nil)
	end := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // an end is an end
		close(end)
	}()
	for from := 1; ; from += childBatch {
		away := 0
		for i, fate := range store(t, w, numbered(alice, from, from+childBatch)...) {
			switch fate {
			case "elsewhere":
				away++
			case "ok", "repeat":
			default:
				t.Errorf("message %d: %s", from+i, fate)
			}
		}
		fmt.Println("\nchild", from+childBatch, away)
		select {
		case <-end:
			return
		default:
		}
	}
}

func startChild(t *testing.T, servers, where string) *child {
	t.Helper()
	p := &child{cmd: exec.Command(os.Args[0], "-test.run=^TestChild$"), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "KAFKA_CHILD="+servers+" "+where)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Stderr = os.Stderr
	input, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.input = input
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended
		<-p.ended
	})
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			var to, away int64
			if n, _ := fmt.Sscanf(lines.Text(), "child %d %d", &to, &away); n == 2 {
				p.away.Add(away)
				p.stored.Store(to)
			} else if strings.Contains(lines.Text(), "FAIL") {
				t.Error(lines.Text())
			}
		}
		p.cmd.Wait() //nolint:errcheck // it may have been killed
	}()
	eventually(t, "the first batches", func() bool { return p.stored.Load() > 2*childBatch })
	return p
}

func (p *child) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// transactions returns the states of the transactions of a memory's instances.
func transactions(t *testing.T, c *shared, state string) (states []string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	listed, err := c.Admin().ListTransactions(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for id, transaction := range listed {
		if strings.HasPrefix(id, "imzmq."+state+".") {
			states = append(states, transaction.State)
		}
	}
	return states
}

// freeze stops the child within a transaction.
func (p *child) freeze(t *testing.T, c *shared, state string) {
	t.Helper()
	eventually(t, "a transaction", func() bool {
		p.signal(t, syscall.SIGSTOP)
		if strings.Contains(strings.Join(transactions(t, c, state), " "), "Ongoing") {
			return true
		}
		p.signal(t, syscall.SIGCONT)
		return false
	})
}

// A writer that is killed leaves its senders, and an open transaction, to another.
func deadOwner(t *testing.T, c *shared) {
	c.create("dead", nil)
	const where = "/dead?once=true&transaction-timeout=2s&state=state-dead"
	p := startChild(t, c.Bootstrap(), where)
	p.freeze(t, c, "state-dead")
	p.signal(t, syscall.SIGKILL)
	<-p.ended
	w, log := writer(t, c.Bootstrap(), where, nil)
	end := takeAll(t, w, int(p.stored.Load())+2*childBatch)
	log.wants(t, "senders have come from another imzmq")
	c.wants(t, "dead", texts(1, end)...)
}

// takeAll stores all numbers up to end, once their owner is taken for dead.
func takeAll(t *testing.T, w *kafka.Writer, end int) int {
	t.Helper()
	var fates []string
	eventually(t, "the owner's death", func() bool {
		fates = store(t, w, numbered(alice, 1, end)...)
		return fates[0] != "elsewhere"
	})
	each(t, fates[:childBatch], "repeat")
	each(t, fates[len(fates)-childBatch/2:], "ok")
	return end
}

// A writer that is frozen while another takes its senders over stores nothing twice when it goes on.
func frozen(t *testing.T, c *shared) {
	c.create("frozen", nil)
	const where = "/frozen?once=true&transaction-timeout=2s&state=state-frozen"
	p := startChild(t, c.Bootstrap(), where)
	p.freeze(t, c, "state-frozen")
	w, _ := writer(t, c.Bootstrap(), where, nil)
	end := takeAll(t, w, int(p.stored.Load())+2*childBatch)
	p.signal(t, syscall.SIGCONT)
	eventually(t, "the owner's defeat", func() bool { return p.away.Load() >= childBatch })
	p.input.Close()
	<-p.ended
	c.wants(t, "frozen", texts(1, end)...)
}

// A writer that is frozen for longer than a transaction may take goes on, and stores nothing twice.
func timedOut(t *testing.T, c *shared) {
	c.create("timed-out", nil)
	p := startChild(t, c.Bootstrap(), "/timed-out?once=true&transaction-timeout=1s&state=state-timed-out")
	p.freeze(t, c, "state-timed-out")
	before := p.stored.Load()
	eventually(t, "the transaction's end", func() bool {
		return !strings.Contains(strings.Join(transactions(t, c, "state-timed-out"), " "), "Ongoing")
	})
	p.signal(t, syscall.SIGCONT)
	eventually(t, "more messages", func() bool { return p.stored.Load() > before+2*childBatch })
	p.input.Close()
	<-p.ended
	c.wants(t, "timed-out", texts(1, int(p.stored.Load()))...)
}
