package integration

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// peers/plugin.py in omzmq's place, to see what rsyslogd itself does.

// toPlugin is an action whose program, peers/plugin.py, fails as griefs say.
func toPlugin(griefs, options string) string {
	return fmt.Sprintf(`
module(load="omprog")
ruleset(name="in" queue.type="Direct") {
	action(name="plugin" type="omprog" binary="%s -IS %s/integration/peers/plugin.py [dir]/seen %s" template="raw"
	       confirmMessages="on" reportFailures="on" action.resumeRetryCount="-1" action.resumeInterval="1"
	       queue.type="LinkedList" %s)
}
`, python, repository(), griefs, options)
}

// transactions makes transactions of n messages, as long as nothing fails.
func transactions(n int) string { return `useTransactions="on" ` + batches(n) }

// batches makes the queue hand out n messages at once.
func batches(n int) string {
	return fmt.Sprintf(`queue.dequeueBatchSize="%d" queue.minDequeueBatchSize="%d" queue.minDequeueBatchSize.timeout="60000"`, n, n)
}

// say feeds the messages m<from> up to, not including, m<to>.
func (r *rsyslogd) say(t *testing.T, from, to int) {
	t.Helper()
	conn := r.input(t)
	for n := from; n < to; n++ {
		if _, err := fmt.Fprintf(conn, "<13>m%d\n", n); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// pluginEvent is a line in the plugin's log.
type pluginEvent struct {
	at   time.Duration
	pid  string
	text string
}

// seen returns what the plugin's processes have logged so far.
func (r *rsyslogd) seen(t *testing.T) []pluginEvent {
	t.Helper()
	text, err := os.ReadFile(r.file("seen"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var events []pluginEvent
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "\n") {
			break // it is being written
		}
		f := strings.Fields(line)
		at, err := strconv.ParseFloat(f[0], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, pluginEvent{time.Duration(at * float64(time.Second)), f[1], f[2]})
	}
	return events
}

// transcript returns what the plugin's processes saw, one line for each process, in the order of their starts.
func transcript(events []pluginEvent) string {
	var pids, words []string
	for _, e := range events {
		if e.text == "start" {
			pids, words = append(pids, e.pid), append(words, "")
			continue
		}
		words[slices.Index(pids, e.pid)] += " " + e.text
	}
	return strings.Join(words, "\n")
}

// awaits waits until the plugin has seen the events in direct succession; "" stands for any event.
func (r *rsyslogd) awaits(t *testing.T, texts ...string) {
	t.Helper()
	r.awaitsAfter(t, 0, texts...)
}

// awaitsAfter is awaits without the first events.
func (r *rsyslogd) awaitsAfter(t *testing.T, first int, texts ...string) {
	t.Helper()
	eventually(t, patience, fmt.Sprintf("the plugin sees %q", texts), func() bool {
		events := r.seen(t)[first:]
		for i := range len(events) - len(texts) + 1 {
			if slices.EqualFunc(events[i:i+len(texts)], texts, func(e pluginEvent, text string) bool { return text == "" || e.text == text }) {
				return true
			}
		}
		return false
	})
}

// release lets a held plugin go on.
func (r *rsyslogd) release(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(r.file("seen.release"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
