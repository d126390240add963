package integration

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// twoReceivers commits numbered messages to two receivers and records which of them has stored what.
type twoReceivers struct {
	*driver
	receivers [2]*receiver
	sent      int
	stored    [2]map[string]int // how often, by payload
}

func startTwoReceivers(t *testing.T, heartbeat time.Duration, begin func(t *testing.T) (*receiver, string)) *twoReceivers {
	t.Helper()
	f := new(twoReceivers)
	flags := []string{"--heartbeat", heartbeat.String(), "--reconnect-max", "500ms"}
	for i := range f.receivers {
		var endpoint string
		f.receivers[i], endpoint = begin(t)
		f.stored[i] = map[string]int{}
		flags = append(flags, "--connect", endpoint)
	}
	f.driver = drive(t, flags...)
	return f
}

// commits sends a transaction, which must succeed, and records what has been stored meanwhile.
func (f *twoReceivers) commits(t *testing.T) {
	t.Helper()
	batch := make([]string, 20)
	for i := range batch {
		batch[i] = fmt.Sprintf("<13>%d", f.sent)
		f.sent++
	}
	f.driver.commits(t, batch...)
	f.collect()
}

func (f *twoReceivers) collect() {
	for i, r := range f.receivers {
		for more := true; more; {
			select {
			case line, open := <-r.lines:
				if more = open; open {
					f.enter(i, line)
				}
			default:
				more = false
			}
		}
	}
}

func (f *twoReceivers) enter(i int, line string) {
	f.stored[i][line[strings.LastIndexByte(line, '\t')+1:]]++ // router.py prints number and topic before it
}

// gets commits messages until the receiver has stored one of them.
func (f *twoReceivers) gets(t *testing.T, i int) {
	t.Helper()
	next := f.sent
	eventually(t, patience, fmt.Sprintf("%s %d gets messages", f.receivers[i].name, i), func() bool {
		f.commits(t)
		for n := next; n < f.sent; n++ {
			if f.stored[i][fmt.Sprintf("<13>%d", n)] > 0 {
				return true
			}
		}
		return false
	})
}

// settle ends the receivers and compares what was committed with what is stored. A message may be at both
// receivers, if one had stored it without acknowledging it; no receiver may have it twice.
func (f *twoReceivers) settle(t *testing.T) {
	t.Helper()
	for i, r := range f.receivers {
		r.kill()
		for _, line := range r.rest(t) {
			f.enter(i, line)
		}
	}
	both := 0
	for n := range f.sent {
		text := fmt.Sprintf("<13>%d", n)
		first, second := f.stored[0][text], f.stored[1][text]
		if first+second == 0 || first > 1 || second > 1 {
			t.Errorf("%s is stored %d and %d times", text, first, second)
		}
		if first+second == 2 {
			both++
		}
	}
	t.Logf("%d messages, %d and %d stored, %d by both", f.sent, len(f.stored[0]), len(f.stored[1]), both)
}

// at returns the time of the process's first log line since the given time that contains text.
func (p *process) at(text string, since time.Time) (time.Time, bool) {
	for _, found := range regexp.MustCompile(`time=(\S+) .*`+text).FindAllStringSubmatch(p.stderr.String(), -1) {
		if at, err := time.Parse(time.RFC3339Nano, found[1]); err == nil && !at.Before(since) {
			return at, true
		}
	}
	return time.Time{}, false
}

// A receiver that is frozen while its connection stays open is dropped after three silent heartbeat intervals.
// Its messages go to the other one and no commit fails. When it continues, it gets messages again.
func TestFrozenReceiver(t *testing.T) {
	t.Parallel()
	const heartbeat = 200 * time.Millisecond
	for name, begin := range map[string]func(t *testing.T) (*receiver, string){
		"imzmq": func(t *testing.T) (*receiver, string) {
			r := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
			return r, "tcp://127.0.0.1:" + r.boundPort(t)
		},
		"libzmq": func(t *testing.T) (*receiver, string) {
			r := startReceiver(t, "handover.py", exec.Command(python, "peers/handover.py", "tcp://127.0.0.1:*"))
			return r, r.next(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startTwoReceivers(t, heartbeat, begin)
			f.gets(t, 0)
			f.gets(t, 1)
			frozen := time.Now()
			f.receivers[0].signal(t, syscall.SIGSTOP)
			var dropped time.Time
			eventually(t, patience, "omzmq drops the frozen receiver", func() (found bool) {
				before := time.Now()
				f.commits(t)
				if took := time.Since(before); took > heartbeat {
					t.Logf("a commit took %v", took)
				}
				dropped, found = f.at("silent for", frozen)
				return found
			})
			t.Logf("dropped %.1f heartbeat intervals after it froze", float64(dropped.Sub(frozen))/float64(heartbeat))
			for range 10 {
				f.commits(t) // only the other one can store them
			}
			f.receivers[0].signal(t, syscall.SIGCONT)
			continued := time.Now()
			f.gets(t, 0)
			t.Logf("it gets messages again %v after it continued", time.Since(continued))
			wantExit(t, f.driver, 0)
			f.settle(t)
		})
	}
}
