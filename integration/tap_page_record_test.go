package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What an analyst records of rsyslog's messages is replayed into the analyst's program, twice with the same result.
func TestTapPageRecord(t *testing.T) {
	const heading = "### 8. "
	h := pageHub(t)
	from := intoHub(t, h)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "guess.py"), []byte(pageBlock(t, heading, "python", 0)), 0o600); err != nil {
		t.Fatal(err)
	}
	recorder := typed(t, dir, "exec "+pageBlock(t, heading, "sh", 0, "tcp://web1.example.com:5558", h.out, "--for 5m", "--count 20"))
	failed := func(text string) string {
		return loggedBy("sshd", "web1", "Failed password for "+text+" port 22 ssh2")
	}
	warmed(t, func() {
		from.logLines(t, failed("root from 192.0.2.1"), failed("invalid user x from 192.0.2.1"), loggedBy("sudo", "web1", failed("a from 192.0.2.9")),
			loggedBy("sshd", "web1", "Accepted publickey for a from 192.0.2.2"))
	}, func() bool { return strings.Contains(recorder.stderr.String(), "messages recorded into sshd-") })
	if code := recorder.exit(t); code != 0 {
		t.Fatalf("record ended with %d", code)
	}
	if found := typed(t, dir, pageBlock(t, heading, "sh", 2)).next(t); found == "0" || found == "20" {
		t.Errorf("%s of 20 lines match", found)
	}
	for range 2 {
		guess := typed(t, dir, pageBlock(t, heading, "sh", 1, "127.0.0.1:5559", "127.0.0.1:"+freePort(t), "python3", python))
		guess.expect(t, "2026-01-02 03:04:05+00:00 192.0.2.1")
		eventually(t, patience, "the end of the replay", func() bool {
			return strings.Contains(guess.stderr.String(), "20 messages published in ")
		})
	}
	from.stop(t)
	h.stop(t)
}
