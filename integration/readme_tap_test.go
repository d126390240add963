package integration

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// Each command under "Look into the stream" shows what the fourth configuration publishes.
func TestReadmeLookIntoTheStream(t *testing.T) {
	port := freePort(t)
	from := startRsyslogd(t, likeDebian(readmeOmprog(t)+readme(t, "4. ", "rsyslog",
		packagedOmzmq, program("omzmq"), "tcp://127.0.0.1:5556", "tcp://127.0.0.1:"+port, "/var/log/", "[dir]/")))
	block := documented(t, "README.md", "## Look into the stream", "sh", 0, "5556", port, "127.0.0.1:8080", "127.0.0.1:0", ":5557", ":0", ":5558", ":0")
	const line = "<37>1 2026-01-02T03:04:05+02:00 web-1 sshd 1 - - Failed password"
	recorded, replayed := folder(t), "tcp://127.0.0.1:"+freePort(t)
	for _, command := range strings.Split(strings.TrimSpace(block), "\n") {
		t.Run(command, func(t *testing.T) {
			script, _, _ := strings.Cut(command, " | ")
			script = strings.NewReplacer("--for 5m", "--count 1", "tcp://127.0.0.1:5559", replayed).Replace(script)
			cmd := exec.Command("/bin/sh", "-c", "exec "+strings.Replace(script, "zmqtap", program("zmqtap"), 1))
			cmd.Dir = recorded
			switch {
			case strings.Contains(command, "record"):
				tap := start(t, "zmqtap", cmd)
				eventually(t, patience, "a line is recorded", func() bool {
					from.logLines(t, line)
					return !tap.running()
				})
				return
			case strings.Contains(command, "replay"):
				start(t, "zmqtap", cmd)
				if lines := output(t, "zmqtap", "--raw", "--count", "1", replayed); !strings.Contains(lines, "Failed password") {
					t.Errorf("replayed: %q", lines)
				}
				return
			case strings.Contains(command, "serve"):
				answer, err := http.Get(start(t, "zmqtap", cmd).served(t))
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				if page, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(page), "zmqtap") {
					t.Errorf("the page: %v, %s, %.100q", err, answer.Status, page)
				}
				return
			case strings.Contains(command, "hub"):
				hub := start(t, "zmqtap", cmd)
				hub.logged(t, "side=in")
				hub.stop(t)
				return
			}
			tap := startReceiver(t, "zmqtap", cmd)
			eventually(t, patience, "the line is shown", func() bool {
				from.logLines(t, line)
				for {
					select {
					case shown := <-tap.lines:
						if strings.Contains(shown, "Failed password") || strings.HasSuffix(shown, "  auth.notice.sshd") {
							return true
						}
					default:
						return false
					}
				}
			})
		})
	}
	from.stop(t)
}
