package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// docs/protocol.md's examples, against omzmq and imzmq.

const protocolPage = "docs/protocol.md"

// example is one of the page's two programs in a language: the receiver, then the sender. oldnew are replaced in it.
func example(t *testing.T, language string, n int, oldnew ...string) *exec.Cmd {
	t.Helper()
	in := struct{ heading, block, file string }{}
	switch language {
	case "Python":
		in.heading, in.block, in.file = "### Python", "python", "main.py"
	case "Node":
		if reason := leftOut("node"); reason != "" {
			t.Skip(reason)
		}
		in.heading, in.block, in.file = "### Node", "js", "main.js"
	case "Go":
		in.heading, in.block, in.file = "### Go", "go", "main.go"
	}
	dir := t.TempDir()
	text := documented(t, protocolPage, in.heading, in.block, n, oldnew...)
	if err := os.WriteFile(filepath.Join(dir, in.file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	switch language {
	case "Python":
		return exec.Command(python, "-u", dir+"/main.py")
	case "Node":
		cmd := exec.Command("node", dir+"/main.js")
		cmd.Env = append(os.Environ(), "NODE_PATH="+repository()+"/.cache/node/node_modules")
		return cmd
	}
	build := exec.Command("go", "build", "-o", dir+"/main", dir+"/main.go")
	build.Dir, build.Env = repository()+"/integration/peers/go", append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
	return exec.Command(dir + "/main")
}

func inEachLanguage(t *testing.T, test func(t *testing.T, language string)) {
	t.Helper()
	for _, language := range []string{"Python", "Node", "Go"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			test(t, language)
		})
	}
}

// Each receiver's answers confirm omzmq's lines. What was answered, and whose answer was lost with the connection,
// comes again and is stored once.
func TestProtocolPageReceivers(t *testing.T) {
	t.Parallel()
	inEachLanguage(t, func(t *testing.T, language string) {
		port := freePort(t)
		r := startReceiver(t, language, example(t, language, 0, "tcp://*:5555", "tcp://127.0.0.1:"+port))
		hop := startProxy(t, port)
		d := drive(t, "--connect", hop.endpoint(), "--reconnect-max", "1s", "--topic", "a topic")
		d.delivers(t, "one", "two")
		r.expect(t, "one", "two")
		hop.mute()
		d.begin(t)
		d.accept(t, "three", "four")
		d.write(t, commit)
		r.expect(t, "three", "four")
		hop.cut(true)
		hop.resume()
		d.expect(t, ok)
		d.commits(t, "five")
		r.expect(t, "five") // and not three and four once more
		d.finish(t)
	})
}

// Each sender delivers what it reads into imzmq once, also what it sends again because the answer was lost.
func TestProtocolPageSenders(t *testing.T) {
	t.Parallel()
	inEachLanguage(t, func(t *testing.T, language string) {
		const messages = 2000
		var lines strings.Builder
		for n := range messages {
			fmt.Fprintf(&lines, "line %d\n", n)
		}
		imzmq := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
		hop := startForgetful(t, imzmq.boundPort(t))
		timeout := []string{"5000", "2000"}
		if language == "Go" {
			timeout = []string{"5*time.Second", "2*time.Second"}
		}
		cmd := example(t, language, 1, append(timeout, "tcp://logs.example.com:5555", "tcp://"+hop.Addr().String())...)
		cmd.Stdin = strings.NewReader(lines.String())
		sender := start(t, language, cmd)
		if code := sender.exit(t); code != 0 {
			t.Fatalf("the sender ended with %d", code)
		}
		imzmq.signal(t, syscall.SIGTERM)
		imzmq.logged(t, `duplicates=[1-9]`)
		times := map[string]int{}
		for _, line := range imzmq.rest(t) {
			times[line]++
		}
		for n := range messages {
			if line := fmt.Sprintf("line %d", n); times[line] != 1 {
				t.Errorf("%q was stored %d times", line, times[line])
			}
		}
		if len(times) != messages {
			t.Errorf("%d different lines were stored", len(times))
		}
	})
}

// startForgetful starts a hop to a port. Of what comes back over its first connection, it passes on the handshake
// alone: what arrives there is stored, and no answer reaches its sender.
func startForgetful(t *testing.T, port string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for first := true; ; first = false {
			in, err := l.Accept()
			if err != nil {
				return // closed
			}
			out, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				in.Close()
				continue
			}
			go forward(out, in)
			go func() {
				if first {
					passHandshake(in, out)
					io.Copy(io.Discard, out) //nolint:errcheck // until it ends
				}
				forward(in, out)
			}()
		}
	}()
	return l
}

// forward copies until either end is gone, and closes both.
func forward(to, from net.Conn) {
	io.Copy(to, from) //nolint:errcheck // it ends in some way
	to.Close()
	from.Close()
}

// passHandshake copies a ZMTP peer's greeting, for which the other end waits, and then its READY, in a short frame.
func passHandshake(to io.Writer, from io.Reader) {
	const greeting = 64
	if _, err := io.CopyN(to, from, greeting); err != nil {
		return
	}
	header := make([]byte, 2)
	if _, err := io.ReadFull(from, header); err != nil {
		return
	}
	to.Write(header)                     //nolint:errcheck // if it fails, the rest does
	io.CopyN(to, from, int64(header[1])) //nolint:errcheck // the other end learns of it
}
