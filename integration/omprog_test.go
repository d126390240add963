package integration

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// What rsyslog's omprog module promises and expects, with the test in rsyslog's place.

// nowhere returns an endpoint at which nothing listens yet.
func nowhere(t *testing.T) string { return "tcp://127.0.0.1:" + freePort(t) }

// payloads strips number and topic from what the Python ROUTER printed.
func payloads(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		_, rest, _ := strings.Cut(line, "\t")
		_, out[i], _ = strings.Cut(rest, "\t")
	}
	return out
}

// stored waits for n messages at the Python ROUTER.
func stored(t *testing.T, r *receiver, n int) []string {
	t.Helper()
	lines := make([]string, n)
	for i := range lines {
		lines[i] = r.next(t)
	}
	return payloads(lines)
}

func wantStored(t *testing.T, r *receiver, want ...string) {
	t.Helper()
	got := stored(t, r, len(want))
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("stored %q, want %q", got, want)
		}
	}
}

func wantNothingMore(t *testing.T, r *receiver) {
	t.Helper()
	r.kill()
	if rest := r.rest(t); len(rest) > 0 {
		t.Errorf("stored more: %q", rest)
	}
}

// wantExit closes omzmq's stdin and checks its exit code.
func wantExit(t *testing.T, d *driver, want int) {
	t.Helper()
	if code := d.finish(t); code != want {
		t.Errorf("exit code %d, want %d", code, want)
	}
}

func TestReadyWithoutPeer(t *testing.T) {
	d := drive(t, "--connect", nowhere(t))
	wantExit(t, d, 0)
}

func TestBeginWaitsForPeer(t *testing.T) {
	t.Parallel()
	endpoint := nowhere(t)
	d := drive(t, "--send-timeout", "2s", "--reconnect-max", "500ms", "--connect", endpoint)
	d.write(t, begin)
	if r := d.reply(t); r.dots == 0 || !strings.HasPrefix(r.text, "omzmq: ") {
		t.Fatalf("without a peer BEGIN was answered %+v", r)
	}
	d.write(t, "<13>outside a transaction")
	if r := d.reply(t); r.dots == 0 || !strings.HasPrefix(r.text, "omzmq: ") {
		t.Fatalf("without a peer a message was answered %+v", r)
	}
	router, _ := startRouter(t, endpoint)
	for r := (reply{}); r.text != ok; r = d.reply(t) { // it may take several send time-outs to connect
		d.write(t, "<13>outside a transaction")
	}
	d.commits(t, "<13>inside")
	wantExit(t, d, 0)
	wantStored(t, router, "<13>outside a transaction", "<13>inside")
	wantNothingMore(t, router)
}

func TestBeginWithoutCommitIsStillOwed(t *testing.T) {
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	d := drive(t, "--connect", endpoint)
	d.begin(t)
	d.accept(t, "<13>a", "<13>b")
	d.commits(t, "<13>c")
	wantExit(t, d, 0)
	wantStored(t, router, "<13>a", "<13>b", "<13>c")
	wantNothingMore(t, router)
}

// With forceSingleInstance several workers share the pipe; it is locked for each line.
func TestInterleavedTransactions(t *testing.T) {
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	d := drive(t, "--connect", endpoint)
	d.begin(t)
	d.begin(t)
	d.accept(t, "<13>one's", "<13>other's", "<13>one's again")
	d.write(t, commit)
	d.expect(t, ok)
	d.accept(t, "<13>other's last")
	d.write(t, commit)
	d.expect(t, ok)
	wantExit(t, d, 0)
	wantStored(t, router, "<13>one's", "<13>other's", "<13>one's again", "<13>other's last")
	wantNothingMore(t, router)
}

func TestOwnMarks(t *testing.T) {
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	d := drive(t, "--begin-mark", "[begin]", "--commit-mark", "[commit]", "--connect", endpoint)
	d.write(t, "[begin]")
	d.expect(t, ok)
	d.accept(t, begin, "<13>a", commit)
	d.write(t, "[commit]")
	d.expect(t, ok)
	wantExit(t, d, 0)
	wantStored(t, router, begin, "<13>a", commit)
	wantNothingMore(t, router)
}

func TestLongLineIsCutAtACharacter(t *testing.T) {
	const limit = 1000
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	d := drive(t, "--max-message-size", "1000", "--connect", endpoint)
	for _, start := range []string{"<13>", "<13>x", "<13>xx", "<13>xxx"} { // every offset within a character
		line := start + strings.Repeat("🙂", 1000)
		d.commits(t, line)
		got := stored(t, router, 1)[0]
		if len(got) > limit || len(got) < limit-16 || !utf8.ValidString(got) || !strings.HasPrefix(line, got) {
			t.Errorf("a line of %d bytes arrived with %d: %.20q…%q", len(line), len(got), got, tail(got, 9))
		}
	}
	exact := "<13>" + strings.Repeat("x", 900)
	d.commits(t, exact)
	wantStored(t, router, exact)
	wantExit(t, d, 0)
	if d.stderr.String() == "" {
		t.Error("nothing was logged")
	}
}

func TestUnterminatedLastLineIsNoMessage(t *testing.T) {
	router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
	d := drive(t, "--connect", endpoint)
	d.commits(t, "<13>whole")
	if _, err := d.stdin.Write([]byte("<13>cut o")); err != nil {
		t.Fatal(err)
	}
	wantExit(t, d, 0)
	wantStored(t, router, "<13>whole")
	wantNothingMore(t, router)
}
