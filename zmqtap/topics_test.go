package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve/zcert"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// secured is a hub under CURVE with a file of --curve-topics.
type secured struct {
	*process
	folder, topics string
	in, out        string
}

func secureHub(t *testing.T, topics string, args ...string) *secured {
	t.Helper()
	dir := t.TempDir()
	s := &secured{folder: dir, topics: filepath.Join(dir, "topics")}
	if err := os.Mkdir(filepath.Join(dir, "clients"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"web", "red", "blue", "admin"} {
		s.keygen(t, name)
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, "clients", name)); err != nil {
			t.Fatal(err)
		}
	}
	s.keygen(t, "hub")
	s.write(t, topics)
	s.process = launch(t, append([]string{"hub", "--in", "tcp://127.0.0.1:0", "--out", "tcp://127.0.0.1:0", "--curve-key", filepath.Join(dir, "hub"),
		"--curve-clients", filepath.Join(dir, "clients"), "--curve-topics", s.topics}, args...)...)
	s.out, s.in = s.logged(`side=out endpoint=(tcp://\S+)`), s.logged(`side=in endpoint=(tcp://\S+)`)
	return s
}

func (s *secured) keygen(t *testing.T, name string) {
	t.Helper()
	if out, err := exec.Command(program, "--curve-keygen", filepath.Join(s.folder, name), "--name", name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func (s *secured) write(t *testing.T, topics string) {
	t.Helper()
	if err := os.WriteFile(s.topics, []byte(topics), 0o600); err != nil {
		t.Fatal(err)
	}
}

// options are those of a client of libzmq's.
func (s *secured) options(t *testing.T, name string) zmqtest.Options {
	t.Helper()
	own, err := zcert.LoadSecret(filepath.Join(s.folder, name+zcert.Suffix))
	if err != nil {
		t.Fatal(err)
	}
	server, err := zcert.LoadPublic(filepath.Join(s.folder, "hub"))
	if err != nil {
		t.Fatal(err)
	}
	return zmqtest.Options{"CURVE_SERVERKEY": server.Public.String(), "CURVE_PUBLICKEY": own.Public.String(), "CURVE_SECRETKEY": own.Pair.SecretText()}
}

// path publishes until a subscriber receives something, and then all of it.
func path(t *testing.T, pub, sub *zmqtest.Socket, topic string) {
	t.Helper()
	taptest.Eventually(t, "a path", func() bool {
		pub.Send(topic + "|probe")
		return !sub.Idle(5)
	})
	for pub.Send(topic + "|ready"); sub.Recv(1)[0] != topic+"|ready"; {
	}
}

// The hub gives each certificate what the file says, and reads it again.
func TestCurveTopics(t *testing.T) {
	t.Parallel()
	s := secureHub(t, "web publish *\nred subscribe red.\nadmin subscribe *\n", "--replay", "10")
	p := zmqtest.Start(t)
	web, admin := p.Connect("PUB", s.in, s.options(t, "web")), p.Connect("SUB", s.out, s.options(t, "admin")).Subscribe("")
	path(t, web, admin, "red.")
	red := p.Connect("SUB", s.out, s.options(t, "red")).Subscribe("")
	blue := p.Connect("SUB", s.out, s.options(t, "blue")).Subscribe("")
	s.logged(`level=WARN msg="a subscriber asks for what .* user=blue topic=""`)
	web.Send("blue.|1", "red.|2")
	for last := ""; last != "red.|2"; { // what comes before is replayed
		if last = red.Recv(1)[0]; !strings.HasPrefix(last, "red.") {
			t.Fatalf("red received %q", last)
		}
	}

	s.write(t, "web publish *\nred subscribe\n")
	s.logged(`level=ERROR msg="the rights of --curve-topics stay as they were" reason="\S+topics, line 2: no prefixes`)
	web.Send("blue.|3", "red.|4")
	red.Expect("red.|4")

	s.write(t, "web publish *\nred subscribe red.\nblue subscribe blue.\nadmin subscribe *\n")
	s.logged(`msg="--curve-topics read again" .*names=4 "connections ended"=1 `)
	blue.Expect("blue.|1", "blue.|3")
	s.signal(syscall.SIGHUP)
	s.logged(`msg="--curve-topics read again" .*names=4 "connections ended"=0 `)
	s.logged(`msg="allowed clients read again"`)
	web.Send("blue.|5", "red.|6")
	red.Expect("red.|6")
	blue.Expect("blue.|5")
	s.signal(syscall.SIGTERM)
	s.exits(0)
}

// zmqtap gets its part, too: what it prints, counts and reports as missing holds nothing of what is another's.
func TestTapOfATenant(t *testing.T) {
	t.Parallel()
	s := secureHub(t, "web publish *\nred subscribe red.\nadmin subscribe *\n", "--hwm", "100")
	p := zmqtest.Start(t)
	web, admin := p.Connect("PUB", s.in, s.options(t, "web")), p.Connect("SUB", s.out, s.options(t, "admin")).Subscribe("")
	path(t, web, admin, "red.")
	cmd := exec.Command(program, "--json", "--curve-key", filepath.Join(s.folder, "red"+zcert.Suffix), "--curve-server-key", filepath.Join(s.folder, "hub"), s.out)
	printed := &process{} // its log takes what is printed
	cmd.Stdout = printed
	red := launchCommand(t, cmd)
	taptest.Eventually(t, "a line", func() bool {
		web.Send("blue.|secret", "red.|hello")
		return strings.Contains(printed.log(), "hello")
	})
	for range 100 {
		web.Send("blue.|" + strings.Repeat("secret", 20_000))
	}
	web.Send("red.|end")
	taptest.Eventually(t, "the last line", func() bool { return strings.Contains(printed.log(), `"end"`) })
	red.signal(syscall.SIGINT)
	red.exits(0)
	if all := printed.log() + red.log(); strings.Contains(all, "secret") || strings.Contains(all, "missing") {
		t.Errorf("printed and logged: %.10000s", all)
	}
}
