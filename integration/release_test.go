package integration

import (
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"testing"
)

// What rsyslogd does when something fails depends on its release. These tests ask for the release and expect its
// behaviour. They were run with 8.2102, 8.2302, 8.2504 and 8.2610; for the releases in between, rsyslog's history
// names the change.
const (
	// signalsOnClose: signalOnClose has an effect at rsyslogd's stop, too. Not in 8.2102.
	signalsOnClose = 2302
	// takesQuotes (rsyslog's commit 7a63ac848): an argument of binary= in double quotes is one argument, without them.
	takesQuotes = 2306
	// sendsBatchAgain (rsyslog's commit 19ae11b86): after two failures in a row, no message being answered between
	// them, rsyslog gives up where it was. In a batch it sends the whole batch again, one message a transaction;
	// among those, the message comes after all others. Before, it tried the same again.
	sendsBatchAgain = 2508
	// keepsBatchAtStop (29aaf6117): a batch that fails while rsyslogd stops goes back into the queue, which is
	// saved. Before, it counted as delivered.
	keepsBatchAtStop = 2606
	// omczmqCrashes: rsyslogd with omczmq frees something twice at its end, when everything has been sent. It may be
	// mended in a newer one.
	omczmqCrashes = 2610
)

// release returns the installed release: 2302 if rsyslogd is 8.2302.0.
var release = sync.OnceValue(func() int {
	out, err := exec.Command(systemRsyslogd, "-v").Output()
	found := regexp.MustCompile(`^rsyslogd +8\.(\d{4})\.`).FindSubmatch(out)
	if err != nil || found == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(found[1])) // four digits
	return n
})

// byRelease returns after for the release since and newer ones, before for older ones.
func byRelease[T any](t *testing.T, since int, before, after T) T {
	t.Helper()
	if release() == 0 {
		t.Fatalf("%s -v names no release 8.YYMM", systemRsyslogd)
	}
	if release() < since {
		return before
	}
	return after
}
