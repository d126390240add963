package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/recording"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// odd are messages that are easily changed on their way, in zmqtest's form.
var odd = []string{"payload alone", "t|", "|", "t|a|b|c|payload", "\xff\x00|\xff", "t|{\"gap\":{}}", "t|é\u2028\r\n\x00\x1b\"\\", "t|\xc3"}

// fromLibzmq records what a libzmq publisher sends.
func fromLibzmq(t *testing.T, libzmq *zmqtest.Process, file string, args []string, messages ...string) *process {
	t.Helper()
	pub := libzmq.Bind("XPUB", "tcp://127.0.0.1:*", nil)
	args = append([]string{"record", "--count", strconv.Itoa(len(messages))}, args...)
	p := launch(t, append(args, file, pub.Endpoint)...)
	pub.Expect("\x01")
	pub.Send(messages...)
	p.exits(0)
	return p
}

// toLibzmq replays a recording to a libzmq subscriber.
func toLibzmq(t *testing.T, libzmq *zmqtest.Process, file string, want ...string) {
	t.Helper()
	p := launch(t, "replay", "--speed", "max", file, "--bind", "tcp://127.0.0.1:0")
	sub := libzmq.Connect("SUB", p.logged(`msg=listening endpoint=(\S+)`), nil).Subscribe("")
	sub.Expect(want...)
	p.exits(0)
	p.logged(fmt.Sprintf("(?m)^%d messages published in ", len(want)))
}

// All frames of a libzmq publisher's messages come to a libzmq subscriber, byte for byte, in every form of the file.
func TestRecordAndReplay(t *testing.T) {
	t.Parallel()
	libzmq := zmqtest.Start(t)
	for _, end := range []string{".ndjson", ".gz", ".zst"} {
		file := filepath.Join(t.TempDir(), "file"+end)
		fromLibzmq(t, libzmq, file, nil, odd...)
		toLibzmq(t, libzmq, file, odd...)
		fromLibzmq(t, libzmq, file, []string{"--append"}, "later|message")
		toLibzmq(t, libzmq, file, append(slices.Clone(odd), "later|message")...)
		out, err := exec.Command(program, "replay", "--json", file).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "the recording was interrupted") {
			t.Errorf("it is not told that %s was interrupted: %v, %s", file, err, out)
		}
	}
}

// What zmqtap --json prints and imzmq stores can be replayed, too.
func TestReplayOfJSON(t *testing.T) {
	t.Parallel()
	libzmq := zmqtest.Start(t)
	pub := libzmq.Bind("XPUB", "tcp://127.0.0.1:*", nil)
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(program, "--json", "--count", strconv.Itoa(len(odd)), pub.Endpoint)
	cmd.Stdout = file
	p := launchCommand(t, cmd)
	pub.Expect("\x01")
	pub.Send(odd...)
	p.exits(0)
	toLibzmq(t, libzmq, file.Name(), odd...)
}

// replayed returns the payloads of a recording.
func replayed(t *testing.T, file string) []string {
	t.Helper()
	out, err := exec.Command(program, "replay", "--speed", "max", "--raw", file).Output()
	if err != nil {
		t.Fatalf("%s cannot be replayed: %v", file, err)
	}
	return strings.Fields(string(out))
}

// A recorder that is killed leaves what it has written.
func TestRecorderKilled(t *testing.T) {
	t.Parallel()
	for _, end := range []string{".ndjson", ".gz", ".zst"} {
		file := filepath.Join(t.TempDir(), "file"+end)
		p, pub, _ := printing(t, 0, nil, nil, "record", file)
		stop := flood(t, pub)
		taptest.Eventually(t, "a recording that grows", func() bool {
			info, err := os.Stat(file)
			return err == nil && info.Size() > 10_000
		})
		p.signal(syscall.SIGKILL)
		<-p.ended
		stop()
		payloads := replayed(t, file)
		last := -1
		for _, text := range payloads {
			n, err := strconv.Atoi(text)
			if err != nil || n <= last {
				t.Fatalf("%s: %q after %d", end, text, last)
			}
			last = n
		}
		if len(payloads) < 100 {
			t.Errorf("%s: %d messages are left", end, len(payloads))
		}
	}
}

// A signal ends the recording with all that has come, in a whole file.
func TestRecorderEnds(t *testing.T) {
	t.Parallel()
	for _, end := range []string{".ndjson", ".gz", ".zst"} {
		file := filepath.Join(t.TempDir(), "file"+end)
		const total = 20_000
		p, pub, peer := printing(t, 2*total, nil, nil, "record", file)
		for n := range total {
			pub.Publish([]byte("t"), fmt.Appendf(nil, "%100d", n))
		}
		pub.Publish([]byte("t"), []byte("last"))
		pub.Flush()
		taptest.Eventually(t, "all messages in the file", func() bool {
			return peer.Written() == total+1 && len(replayed(t, file)) == total+1
		})
		p.signal(syscall.SIGTERM)
		p.exits(0)
		p.logged(fmt.Sprintf("(?m)^%d messages recorded into %s, [0-9]+ bytes in ", total+1, file))
		if got := replayed(t, file); len(got) != total+1 || got[total] != "last" {
			t.Errorf("%s: %d messages", end, len(got))
		}
	}
}

// A disk that is full ends the recording with an error. What is there can be replayed, and recorded after when there
// is room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for _, end := range []string{".ndjson", ".gz", ".zst"} {
		pub := taptest.Open(t, zmq.Config{Type: zmq.Pub})
		at, err := pub.Bind("tcp://127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/bin/sh", "-c", `mount --make-rprivate / && mount -t tmpfs -o size=300k none "$1" && cd "$1" || exit 9
			head -c 100k /dev/zero >ballast
			zmqtap record "file$3" "$2"
			echo "ended with $?"
			rm ballast
			lines=$(zmqtap replay --speed max --raw "file$3") && echo "$(echo "$lines" | wc -l) lines"
			zmqtap record --append --count 1 "file$3" "$2" && zmqtap replay --speed max --raw "file$3" | wc -l`,
			"sh", t.TempDir(), at, end)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		cmd.Stdout = w
		p := launchCommand(t, cmd)
		w.Close()
		stop := floodRandom(pub)
		out, err := io.ReadAll(r)
		stop()
		if err != nil {
			t.Fatal(err)
		}
		p.exits(0)
		var lines, after int
		if _, err := fmt.Sscanf(string(out), "ended with 1\n%d lines\n%d", &lines, &after); err != nil || lines < 10 || after != lines+1 {
			t.Errorf("%s: %q, %v", end, out, err)
		}
		p.logged("no space left on device")
	}
}

// floodRandom publishes what compression hardly shortens until stop is called.
func floodRandom(pub *zmq.Socket) (stop func()) {
	random := make([]byte, 5000)
	over, flooded := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(flooded)
		for n := uint32(1); ; n++ {
			for i := range random {
				n = n*1664525 + 1013904223
				random[i] = 'a' + byte(n>>24)%26
			}
			pub.Publish([]byte("t"), random)
			select {
			case <-over:
				return
			default:
			}
		}
	}()
	return func() {
		close(over)
		<-flooded
	}
}

// What is missing is in the file, and its readers and subscribers learn of it.
func TestGapsAreRecorded(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	p, pub, peer := printing(t, 10, nil, nil, "record", file)
	p.signal(syscall.SIGSTOP)
	for peer.Dropped() == 0 {
		pub.Publish([]byte("t"), bytes.Repeat([]byte("x"), 10_000))
	}
	p.signal(syscall.SIGCONT)
	taptest.Eventually(t, "a message after the gap", func() bool {
		pub.Publish([]byte("t"), []byte("after"))
		pub.Flush()
		text, err := os.ReadFile(file)
		return err == nil && bytes.Contains(text, []byte(`"after"`))
	})
	p.signal(syscall.SIGTERM)
	p.exits(0)
	const why = "the publisher dropped them because this end, or the network between, was too slow"
	dropped := number(t, p.log(), `(\d+) messages? missed: publishers dropped them`)
	all, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(all, fmt.Appendf(nil, `{"gap":{"count":%d,"publisher":`, dropped)) && bytes.Count(all, []byte(why)) < 2 {
		t.Errorf("%d messages are missing, and the file does not say so", dropped)
	}
	printed := launch(t, "replay", "--speed", "max", file)
	printed.exits(0)
	printed.logged(fmt.Sprintf("%d messages? missed: publishers dropped them", dropped))

	again := launch(t, "replay", "--speed", "max", file, "--bind", "tcp://127.0.0.1:0")
	reader := launch(t, "--raw", again.logged(`msg=listening endpoint=(\S+)`))
	again.exits(0)
	again.logged(fmt.Sprintf("(?m)^%d messages? missing in the recording", dropped))
	reader.logged(`msg="messages are missing" publisher=\S+ messages=\d+`)
}

// A recorder is a running program like the others.
func TestStatusOfARecorder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	_, pub, _ := printing(t, 0, nil, nil, "record", "--name", "night", file)
	taptest.Eventually(t, "status", func() bool {
		pub.Publish([]byte("t"), []byte("x"))
		pub.Flush()
		out, _ := exec.Command(program, "status").CombinedOutput() //nolint:errcheck // others may not be well
		return strings.Contains(string(out), `zmqtap record "night", pid `) && strings.Contains(string(out), file+"  stored last ")
	})
}

// recordingOf writes a recording of messages, one a second.
func recordingOf(t *testing.T, messages ...string) (file string) {
	t.Helper()
	var lines []byte
	for i, m := range messages {
		lines = fmt.Appendf(lines, `{"topic":"t","message":%q,"received":"2026-01-02T03:04:%02d.000000Z"}`+"\n", m, i%60)
	}
	if _, err := recording.Parse(bytes.SplitN(lines, []byte("\n"), 2)[0], 1000); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
