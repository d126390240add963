package integration

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each command under "Look into the stream" shows what the fourth configuration publishes.
func TestReadmeLookIntoTheStream(t *testing.T) {
	port := freePort(t)
	from := startRsyslogd(t, likeDebian(readmeOmprog(t)+readme(t, "4. ", "rsyslog",
		packagedOmzmq, program("omzmq"), "tcp://127.0.0.1:5556", "tcp://127.0.0.1:"+port, "/var/log/", "[dir]/")))
	block := documented(t, "README.md", "## Look into the stream", "sh", 1, "5556", port, "127.0.0.1:8080", "127.0.0.1:0", ":5557", ":0", ":5558", ":0")
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

// What the README shows of the sample: two that come one after the other both get its lines.
func TestReadmeSample(t *testing.T) {
	t.Parallel()
	block := documented(t, "README.md", "## Look into the stream", "sh", 0,
		"bin/zmqtap", program("zmqtap"), "5556", freePort(t), "127.0.0.1:8080", "127.0.0.1:0")
	replay, rest, _ := strings.Cut(block, " &\n")
	show, serve, _ := strings.Cut(rest, "\n")
	command := func(line string) *exec.Cmd {
		cmd := exec.Command("/bin/sh", "-c", "exec "+line)
		cmd.Dir = repository()
		return cmd
	}
	start(t, "replay", command(replay)).logged(t, "listening")
	shown := startReceiver(t, "zmqtap", command(show))
	web := start(t, "serve", command(strings.TrimSpace(serve)))
	line := regexp.MustCompile(`^\d\d:\d\d:\d\d (web1|web2|db1|jobs1)\.example \S+ +[a-z]+ +\S`)
	if got := shown.next(t); !line.MatchString(got) {
		t.Errorf("zmqtap shows %q", got)
	}
	stream := startReceiver(t, "curl", exec.Command("curl", "--silent", "--no-buffer", web.served(t)+"stream"))
	if got := stream.next(t); !strings.Contains(got, ".example") {
		t.Errorf("the stream has %q", got)
	}
}

// The sample has nobody's names and addresses, and each line says where it comes from.
func TestReadmeSampleIsNobodys(t *testing.T) {
	t.Parallel()
	sample, err := os.ReadFile(filepath.Join(repository(), "docs/sample.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range regexp.MustCompile(`\d+\.\d+\.\d+\.\d+`).FindAllString(string(sample), -1) {
		if !strings.HasPrefix(address, "192.0.2.") && !strings.HasPrefix(address, "198.51.100.") {
			t.Errorf("%s is no address for documentation", address)
		}
	}
	known := regexp.MustCompile(`^\S+\.example [A-Za-z-]+ [a-z]+ .`)
	lines := strings.Split(strings.TrimSpace(output(t, "zmqtap", "replay", "--speed", "max", "--format", "{host} {program} {severity} {text}",
		filepath.Join(repository(), "docs/sample.ndjson"))), "\n")
	if len(lines) != strings.Count(string(sample), "\n") {
		t.Errorf("%d lines of %d", len(lines), strings.Count(string(sample), "\n"))
	}
	for _, line := range lines {
		if !known.MatchString(line) {
			t.Errorf("%q", line)
		}
	}
}
