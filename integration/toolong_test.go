package integration

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// cutLines commits a line that is too long for the destination between others, through omzmq and the given imzmq, and
// returns what arrives in place of it. No message blocks those after it.
func cutLines(t *testing.T, imzmq *process, arrived func() []string) string {
	t.Helper()
	d := drive(t, "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))
	long := "<13>long " + strings.Repeat("é", 700_000/2)
	d.commits(t, "<13>before", long, "<13>after")
	d.commits(t, "<13>end")
	wantExit(t, d, 0)
	imzmq.stop(t)
	var got []string
	eventually(t, patience, "every message arrives", func() bool {
		got = nil
		for _, line := range arrived() { // an attempt that has failed may have stored some of them, so that they come again
			if len(got) == 0 || got[len(got)-1] != line {
				got = append(got, line)
			}
		}
		return len(got) > 0 && got[len(got)-1] == "<13>end"
	})
	n := len(got)
	if n < 4 || got[n-4] != "<13>before" || got[n-2] != "<13>after" || !strings.HasPrefix(long, got[n-3]) || got[n-3] == long {
		t.Fatalf("%d messages arrived: %.60q", n, got)
	}
	imzmq.logged(t, `msg=end .*truncated=1\b`)
	return got[n-3]
}

// imzmq's own limit, below omzmq's.
func TestTooLongForImzmq(t *testing.T) {
	t.Parallel()
	r := startPrinter(t, "--bind", "tcp://127.0.0.1:0", "--max-message-size", "64KiB")
	var lines []string
	cut := cutLines(t, r.process, func() []string {
		for {
			select {
			case line, open := <-r.lines:
				if open {
					lines = append(lines, line)
					continue
				}
			default:
			}
			return lines
		}
	})
	// The number has 8 bytes; no topic. A character of two bytes does not fit at the end.
	if want := 64<<10 - 8; len(cut) != want-1 {
		t.Errorf("cut to %d bytes, want %d", len(cut), want-1)
	}
	r.logged(t, `message cut.*--max-message-size.* size=700017 limit=65536`)
}

// imrelp that ends the session at a message over its maxDataSize.
func TestTooLongForImrelp(t *testing.T) {
	t.Parallel()
	const abort = `maxDataSize="64k" oversizeMode="abort"`
	to := startRsyslogd(t, preamble+strings.Replace(relpToFile, `maxDataSize="64k"`, abort, 1))
	imzmq := start(t, "imzmq", exec.Command(program("imzmq"), "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:"+to.relp))
	cut := cutLines(t, imzmq, func() []string { return readLines(t, to.file("out")) })
	if len(cut) > 64<<10 || len(cut) < 32<<10 {
		t.Errorf("cut to %d bytes", len(cut))
	}
	imzmq.logged(t, `message cut.*maxDataSize.* size=700009`)
	to.stop(t)
}

// Redis, whose least limit is a mebibyte, with JSON of a message that is shorter.
func TestTooLongForRedis(t *testing.T) { redistest.Each(t, tooLongForRedis) }

func tooLongForRedis(t *testing.T, redisServer string) {
	t.Parallel()
	server := redistest.StartProgram(t, redisServer, "--proto-max-bulk-len", "1mb")
	imzmq := start(t, "imzmq", exec.Command(program("imzmq"), "--bind", "tcp://127.0.0.1:0", "--max-message-size", "4MiB",
		"--to", "redis://"+server.Addr()+"/0?list=logs"))
	d := drive(t, "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t), "--max-message-size", "4MiB")
	long := "<13>" + strings.Repeat("x", 3<<20)
	d.commits(t, "<13>before", long, "<13>after")
	wantExit(t, d, 0)
	imzmq.stop(t)
	list := server.List("logs")
	if len(list) != 3 || list[0] != "<13>before" || list[2] != "<13>after" || !strings.HasPrefix(long, list[1]) ||
		len(list[1]) > 1<<20 || len(list[1]) < 1<<19 {
		t.Errorf("%d messages: %.40q", len(list), list)
	}
	imzmq.logged(t, `message cut.*proto-max-bulk-len.* size=3145732`)
	imzmq.logged(t, `msg=end .*truncated=1\b`)
}
