package integration

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// --check, against the real parts that it tries.

// checking is a program's command with --check. It finds the copy of rsyslogd that tests use.
func checking(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(program(name), args...)
	cmd.Env = append(os.Environ(), "PATH="+built+":"+os.Getenv("PATH"))
	return cmd
}

// checked runs a check to its end, and returns the report and the exit code.
func checked(t *testing.T, name string, args ...string) (report string, code int) {
	t.Helper()
	cmd := checking(name, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if code = cmd.ProcessState.ExitCode(); (code != 0) != (said.Len() > 0) {
		t.Errorf("exit code %d, and on stderr: %s", code, said.String())
	}
	return out.String(), code
}

// wantWell checks that a check finds nothing, and not even a warning.
func wantWell(t *testing.T, name string, args ...string) (report string) {
	t.Helper()
	report, code := checked(t, name, args...)
	for line := range strings.Lines(report) {
		if code != 0 || strings.HasPrefix(line, "WRONG") || strings.HasPrefix(line, "warning") && !strings.Contains(line, check.OtherUser.Phrase) {
			t.Errorf("%s %q ends with %d:\n%s", name, args, code, report)
			break
		}
	}
	return report
}

// wantWrong checks that a check finds a fault of a kind, with a detail, and its cure.
func wantWrong(t *testing.T, k check.Kind, detail, name string, args ...string) {
	t.Helper()
	report, code := checked(t, name, args...)
	said := strings.Split(report, "\n")
	for i, line := range said {
		if code == 1 && strings.HasPrefix(line, "WRONG ") && strings.Contains(line, ": "+k.Phrase) && strings.Contains(line, detail) &&
			said[i+1] == "         cure: "+k.Cure {
			return
		}
	}
	t.Errorf("%s %q ends with %d, and does not say %q, %q:\n%s", name, args, code, k.Phrase, detail, report)
}

// setup is one that is broken.
type setup struct {
	kind   check.Kind
	detail string
	name   string // of the program
	args   []string
}

func tryAll(t *testing.T, setups map[string]setup) {
	t.Helper()
	for name, s := range setups {
		t.Run(name, func(t *testing.T) { wantWrong(t, s.kind, s.detail, s.name, append(s.args, "--check")...) })
	}
}

// answering is a peer that speaks another protocol.
func answering(t *testing.T, greeting string) (endpoint string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, greeting)
			t.Cleanup(func() { conn.Close() })
		}
	}()
	return "tcp://" + l.Addr().String()
}

// Peers of libzmq, of which each is another's than this end believes.
func TestCheckNamesWhatIsWrongWithPeers(t *testing.T) {
	c, peers := certify(t), zmqtest.Start(t)
	rings := makeKeyring(t, "server", "client", "stranger")
	rings.allow(t, "client")
	curve := zmqtest.Options{"CURVE_SERVER": 1, "CURVE_SECRETKEY": secretKey(t, c.path("server_secret"))}
	public := peers.Bind("PULL", zmqtest.Loopback, nil).Endpoint
	dealer := peers.Bind("DEALER", zmqtest.Loopback, nil).Endpoint
	publisher := peers.Bind("PUB", zmqtest.Loopback, nil).Endpoint
	secret := peers.Bind("PULL", zmqtest.Loopback, curve).Endpoint
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "-", "--curve-key", rings.path("server"), "--curve-clients", rings.path("clients"))
	closed := "tcp://127.0.0.1:" + imzmq.boundPort(t)
	plain := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "-", "--plain-user", "u", "--plain-password-file", rings.path("password"))
	asking := "tcp://127.0.0.1:" + plain.boundPort(t)
	nobody, port := nowhere(t), freePort(t)
	dns := startDNS(t, "_a._tcp.example.com. SRV 0 0 1 web1.example.com.", port, "127.0.0.1")
	tryAll(t, map[string]setup{
		"nothing listens":            {check.NobodyListens, nobody, "omzmq", []string{"--connect", nobody}},
		"no Unix socket":             {check.NoSocket, "ipc:///nowhere/s", "omzmq", []string{"--connect", "ipc:///nowhere/s"}},
		"no such name":               {check.NoAddress, dns, "omzmq", []string{"--connect", "dns+tcp://none.example.com.:1", "--dns", dns}},
		"a name of others":           {check.NoDNS, "REFUSED", "omzmq", []string{"--connect", "dns+tcp://none.example.org.:1", "--dns", dns}},
		"no DNS server":              {check.NoDNS, "127.0.0.1:1", "omzmq", []string{"--connect", "dns+tcp://none.example.com.:1", "--dns", "127.0.0.1:1"}},
		"no such service":            {check.NoAddress, "srv+tcp://_b._tcp", "omzmq", []string{"--connect", "srv+tcp://_b._tcp.example.com.", "--dns", dns}},
		"a service without listener": {check.NobodyListens, port, "omzmq", []string{"--connect", "srv+tcp://_a._tcp.example.com.", "--dns", dns}},
		"SSH":                        {check.NotZeroMQ, "", "omzmq", []string{"--connect", answering(t, "SSH-2.0-OpenSSH_9.2\r\n")}},
		"CURVE there, nothing here":  {check.MechanismMismatch, `"CURVE"`, "omzmq", []string{"--socket", "push", "--connect", secret}},
		"CURVE here, nothing there":  {check.MechanismMismatch, `"NULL"`, "omzmq", append(c.client(), "--socket", "push", "--connect", public)},
		"another key of the server": {check.WrongServerKey, "", "omzmq",
			[]string{"--socket", "push", "--connect", secret, "--curve-key", c.path("client"), "--curve-server-key", rings.path("server")}},
		"a client that is not let in": {check.ClientRefused, "", "omzmq",
			[]string{"--connect", closed, "--curve-key", rings.path("stranger"), "--curve-server-key", rings.path("server")}},
		"another password": {check.WrongPassword, "", "omzmq",
			[]string{"--connect", asking, "--plain-user", "u", "--plain-password-file", rings.path("password2")}},
		"a dealer to a PULL":   {check.WrongType, `"PULL"`, "omzmq", []string{"--connect", public}},
		"a dealer to a DEALER": {check.WrongType, "DEALER", "omzmq", []string{"--connect", dealer}},
		"a router to a PUB":    {check.WrongType, `"PUB"`, "imzmq", []string{"--to", "-", "--connect", publisher}},
		"a tap on a PULL":      {check.WrongType, `"PULL"`, "zmqtap", []string{public}},
	})
	for name, args := range map[string][]string{
		"push to PULL":            {"omzmq", "--socket", "push", "--connect", public},
		"push to PULL, encrypted": append([]string{"omzmq", "--socket", "push", "--connect", secret}, c.client()...),
		"acknowledged, encrypted": {"omzmq", "--connect", closed, "--curve-key", rings.path("client"), "--curve-server-key", rings.path("server")},
		"with a password":         {"omzmq", "--connect", asking, "--plain-user", "u", "--plain-password-file", rings.path("password")},
		"a tap on a PUB":          {"zmqtap", publisher},
		"a hub before a PUB":      {"zmqtap", "hub", "--in-connect", publisher, "--out", "tcp://127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			wantWell(t, args[0], append(args[1:], "--check")...)
		})
	}
	imzmq.stop(t)
	plain.stop(t)
}

// secretKey reads the key in a certificate of czmq.
func secretKey(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(string(text), `secret-key = "`)
	key, _, _ = strings.Cut(key, `"`)
	return key
}

// Addresses, files and destinations.
func TestCheckNamesWhatIsWrongHere(t *testing.T) {
	redis, dir, port := redistest.Start(t), folder(t), freePort(t)
	redis.Do("SET", "text", "x")
	strict := redistest.Start(t, "--requirepass", "open-sesame")
	if err := os.WriteFile(dir+"/key", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/open", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir+"/open", 0o777); err != nil {
		t.Fatal(err)
	}
	nobody := "127.0.0.1:" + port
	bound := []string{"--bind", "tcp://127.0.0.1:0"}
	tryAll(t, map[string]setup{
		"a port that Redis has":   {check.AddressTaken, "redis-server, process ", "omzmq", []string{"--bind", "tcp://" + redis.Addr()}},
		"another host's address":  {check.NoSuchInterface, "", "imzmq", []string{"--to", "-", "--bind", "tcp://192.0.2.1:5555"}},
		"no folder for a socket":  {check.SocketFolder, "/none", "imzmq", []string{"--to", "-", "--bind", "ipc://" + dir + "/none/s"}},
		"a file, and no socket":   {check.SocketFolder, "no socket", "imzmq", []string{"--to", "-", "--bind", "ipc://" + dir + "/key"}},
		"RELP at a taken port":    {check.AddressTaken, "redis-server", "omzmq", append(bound, "--relp", redis.Addr())},
		"metrics at a taken port": {check.AddressTaken, "redis-server", "imzmq", []string{"--bind", "tcp://127.0.0.1:0", "--to", "-", "--metrics", redis.Addr()}},
		"HTTP at a taken port":    {check.AddressTaken, "redis-server", "zmqtap", []string{"hub", "--in", "tcp://127.0.0.1:0", "--http", redis.Addr()}},
		"no token":                {check.OtherFiles, "/none", "zmqtap", []string{"hub", "--in", "tcp://127.0.0.1:0", "--http", nobody, "--http-token-file", dir + "/none"}},
		"no journal's parent":     {check.JournalFolder, "/none/j", "omzmq", append(bound, "--journal", dir+"/none/j")},
		"an open journal":         {check.JournalFolder, "chmod go-w", "omzmq", append(bound, "--journal", dir+"/open")},
		"a key for all to read":   {check.SecurityFiles, "", "omzmq", append(bound, "--curve-key", dir+"/key", "--curve-clients", "any")},
		"no password": {check.SecurityFiles, "/none", "omzmq",
			append(bound, "--plain-user", "u", "--plain-password-file", dir+"/none")},
		"no Redis":                {check.RedisFails, "connection refused", "imzmq", append(bound, "--to", "redis://"+nobody+"/0?list=a")},
		"another type in Redis":   {check.RedisFails, "holds a string", "imzmq", append(bound, "--to", "redis://"+redis.Addr()+"/0?list=text")},
		"Redis wants a password":  {check.RedisFails, "NOAUTH", "imzmq", append(bound, "--to", "redis://"+strict.Addr()+"/0?list=a")},
		"no imrelp":               {check.RELPFails, "connection refused", "imzmq", append(bound, "--to", "relp://"+nobody)},
		"Redis in imrelp's place": {check.RELPFails, "", "imzmq", append(bound, "--to", "relp://"+redis.Addr())},
		"no Kafka":                {check.KafkaFails, nobody, "imzmq", append(bound, "--to", "kafka://"+nobody+"/t")},
	})
	wantWell(t, "imzmq", append(bound, "--to", "redis://"+redis.Addr()+"/0?list=new", "--check")...)
	wantWell(t, "imzmq", append(bound, "--to", "-", "--check")...)
	wantWell(t, "omzmq", append(bound, "--journal", dir+"/new", "--check")...)
	if _, err := os.Stat(dir + "/new"); err == nil {
		t.Error("the check has made the journal folder")
	}
	if n := redis.Do("DBSIZE"); fmt.Sprint(n) != "1" {
		t.Errorf("the check has left something in Redis: %v keys", n)
	}
}

// A file system without blocks, or without inodes, is one of the test's own.
func TestCheckFindsNoRoomForAJournal(t *testing.T) {
	dir := folder(t)
	for options, detail := range map[string]string{
		"size=64k":            "needs 1088 KiB and an inode, and grows up to 256 MiB; free KiB: 64, free inodes: ",
		"size=8m,nr_inodes=1": ", free inodes: 0",
		"size=8m":             "",
	} {
		const script = `mount -t tmpfs -o "$1" none "$2" && exec "$3" --check --bind tcp://127.0.0.1:0 --journal "$2$4"`
		for _, journal := range []string{"", "/new"} {
			args := []string{"--mount", "sh", "-c", script, "sh", options, dir, program("omzmq"), journal}
			if os.Geteuid() != 0 {
				args = append([]string{"--map-root-user"}, args...)
			}
			cmd := exec.Command("unshare", args...)
			out, _ := cmd.CombinedOutput()
			found := strings.Contains(string(out), "WRONG    --journal: "+check.JournalRoom.Phrase+": "+dir+journal+": no space left on device: ") &&
				strings.Contains(string(out), detail) && strings.Contains(string(out), "cure: "+check.JournalRoom.Cure+"\n")
			if wanted := detail != ""; found != wanted || wanted != (cmd.ProcessState.ExitCode() == 1) {
				t.Errorf("%s, %q:\n%s", options, journal, out)
			}
		}
	}
}

// A check that waits for a peer that says nothing ends on SIGTERM.
func TestCheckEndsOnSIGTERM(t *testing.T) {
	reached := make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			close(reached)
			<-t.Context().Done()
		}
	}()
	p := start(t, "omzmq", checking("omzmq", "--check", "--connect", "tcp://"+l.Addr().String()))
	<-reached
	p.signal(t, syscall.SIGTERM)
	if code := p.exit(t); code != 1 || !strings.Contains(p.stderr.String(), "has not tried everything") {
		t.Errorf("exit code %d: %s", code, p.stderr)
	}
}
