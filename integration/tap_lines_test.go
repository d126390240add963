package integration

import (
	"os/exec"
	"strings"
	"testing"
)

// pageLines are the messages of docs/tap.md, each a topic and a payload.
var pageLines = [][]string{
	{"daemon.err.nginx", "<27>1 2026-11-30T18:03:18.123456+01:00 web3 nginx 6883 - - upstream timed out (110: Connection timed out)\n"},
	{"sshd/web1/", "<38>1 2026-11-30T17:03:18Z web1 sshd 4123 - - Accepted publickey for root"},
	{"orders.eu", `{"time":"2026-11-30T17:03:19Z","level":"warn","msg":"slow query","service":"shop","http":{"status":500,"path":"/a b"}}`},
	{"billing.ERROR", `{"time":"2026-11-30T17:03:19Z","msg":"Traceback (most recent call last):\n  File \"pay.py\", line 3\nValueError: no such account"}`},
}

// todayOf returns the page's messages as of today: of another day, they would be shown with their date.
func todayOf(t *testing.T, lines [][]string) (today [][]string) {
	t.Helper()
	date, err := exec.Command("date", "--utc", "+%Y-%m-%d").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, frames := range lines {
		today = append(today, []string{frames[0], strings.ReplaceAll(frames[1], "2026-11-30", strings.TrimSpace(string(date)))})
	}
	return today
}

// What the page shows is what a terminal of 80 columns shows of libzmq's messages.
func TestTapPageLines(t *testing.T) {
	t.Parallel()
	pub := startPeer(t, "PUB", "--bind", "tcp://127.0.0.1:*")
	cmd := tapCommand(pub.endpoint, "--utc")
	cmd.Env = append(cmd.Environ(), "NO_COLOR=1", "TERM=xterm")
	tap := startAtTerminal(t, cmd)
	eventually(t, patience, "the terminal shows something", func() bool {
		pub.send(t, "warm-up", "")
		return strings.Contains(tap.out.String(), "warm-up")
	})
	want := strings.ReplaceAll(pageBlock(t, "## Reading the lines", "text", 0), "\n", "\r\n")
	for _, frames := range todayOf(t, pageLines) {
		pub.send(t, frames...)
	}
	tap.shows(t, want)
	tap.types(t, "\x03")
	tap.shows(t, "messages seen")
}

// Each command of the page shows what it says.
func TestTapPageChoices(t *testing.T) {
	t.Parallel()
	hub := startHub(t, "--replay", "100")
	pub := startPeer(t, "PUB", "--connect", hub.in)
	taps := typedLines(t, pageBlock(t, "## Reading the lines", "sh", 0, "tcp://127.0.0.1:5556", hub.out, "tcp://127.0.0.1:5558", hub.out))
	lines := append(todayOf(t, pageLines), []string{"x", "<27>1 2026-11-30T17:03:18Z web4 nginx 1 - - healthcheck timed out"})
	wantOnly(t, func() {
		for _, frames := range lines {
			pub.send(t, frames...)
		}
	}, taps,
		`^\S+ (web[34] nginx\[\d+\] error|orders.eu warn|billing.ERROR error)  `,
		`^\S+ web[34] nginx\[\d+\] error  `,
		`^\S+ web3 nginx\[6883\] error  upstream timed out`,
		`^\S+ (web[34] nginx\[\d+\] error|orders.eu warn)  `,
		`^\S+ \S+ (\S+ )?(error|info|warn) `,
		`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\S+ (web1|web3|web4|-) (upstream|Accepted|slow|Traceback|healthcheck)`,
		`^(\S+ \S+ (\S+ )?(error|info|warn) |  )`,
		"^\\S+ (\\S+ )?\x1b\\[[0-9;]*m\\S+\x1b\\[0m")
	hub.stop(t)
}
