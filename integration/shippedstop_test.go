package integration

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rsyslogd is stopped while the receiver does not answer. It has ten seconds, in which a batch gets to its COMMIT, and
// saves the rest of its queue. Nothing is lost or repeated. docs/troubleshooting.md says how long the stop takes; -v
// shows it.
func TestShippedStopWithoutReceiver(t *testing.T) {
	t.Parallel()
	const messages = 3000
	line := func(n int) string { return fmt.Sprintf("<13>1 2026-01-02T03:04:05Z web-1 app - - - %d", n) }
	imzmq := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	from := startShippedSender(t, "tcp://127.0.0.1:"+imzmq.boundPort(t))
	from.logLines(t, line(0))
	imzmq.awaits(t, line(0))
	imzmq.signal(t, syscall.SIGSTOP)
	rest := make([]string, 0, messages)
	for n := 1; n < messages; n++ {
		rest = append(rest, line(n))
	}
	from.logLines(t, rest...)
	wantFile(t, from.file("syslog"), fmt.Sprintf(` %d\n`, messages-1)) // what rsyslogd has not read is lost at its stop
	began := time.Now()
	from.stop(t)
	t.Logf("rsyslogd took %.1f s to stop", time.Since(began).Seconds())
	imzmq.signal(t, syscall.SIGCONT)
	from.again(t)
	times, missing := map[string]int{line(0): 1}, messages-1
	for missing > 0 {
		got := imzmq.next(t)
		if times[got]++; strings.Contains(got, " web-1 app ") && times[got] == 1 {
			missing--
		}
	}
	from.stop(t)
	imzmq.stop(t)
	for _, got := range imzmq.rest(t) {
		times[got]++
	}
	for _, line := range append(rest, line(0)) {
		if times[line] != 1 {
			t.Errorf("%q was printed %d times", line, times[line])
		}
	}
}
