package flags

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve/zcert"
)

// keys is a folder with the certificates server and web1, a folder clients with web1's public one, and the password's
// file.
type keys struct {
	folder       string
	server, web1 *zcert.Certificate
}

func newKeys(t *testing.T) *keys {
	t.Helper()
	k := &keys{folder: t.TempDir()}
	if err := os.Mkdir(k.path("clients"), 0o755); err != nil {
		t.Fatal(err)
	}
	k.server, k.web1 = k.make(t, "server"), k.make(t, "web1")
	k.write(t, "clients/web1", k.read(t, "web1"), 0o644)
	k.write(t, "password", "geheim\n", 0o600)
	return k
}

func (k *keys) path(name string) string { return filepath.Join(k.folder, name) }

func (k *keys) make(t *testing.T, name string) *zcert.Certificate {
	t.Helper()
	made, err := zcert.New(name)
	if err == nil {
		err = made.Save(k.path(name), "a test")
	}
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (k *keys) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(k.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (k *keys) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(k.path(name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(k.path(name), mode); err != nil {
		t.Fatal(err)
	}
}

// secure takes a command line, in which [dir] is the folder of the keys, up to the point at which sockets are made.
func (k *keys) secure(t *testing.T, line string) (*Common, string, error) {
	t.Helper()
	c, err := parse(strings.Fields(strings.ReplaceAll(line, "[dir]", k.folder))...)
	if err != nil {
		return nil, "", err
	}
	var log bytes.Buffer
	stop, err := c.Secure(slog.New(slog.NewTextHandler(&log, nil)), func() <-chan os.Signal { return nil })
	if err == nil {
		stop()
	}
	return c, log.String(), err
}

// A combination that makes no sense is a usage error, which says what to write.
func TestSecurityMistakes(t *testing.T) {
	k := newKeys(t)
	for line, wrong := range map[string]string{
		"--curve-key [dir]/web1":                             "--curve-key needs --curve-server-key KEY, which makes this program a CURVE client, or --curve-clients DIR",
		"--curve-server-key [dir]/server":                    "--curve-server-key needs --curve-key",
		"--curve-clients any":                                "--curve-clients needs --curve-key",
		"--curve-key= --curve-clients any":                   "write the path of a certificate's file",
		"--curve-key [dir]/web1 --curve-server-key=":         "write the path of a certificate's file",
		"--curve-key [dir]/web1 --curve-clients=":            "write the path of a folder, or any",
		"--plain-user a":                                     "--plain-user and --plain-password-file need each other",
		"--plain-password-file [dir]/password":               "--plain-user and --plain-password-file need each other",
		"--plain-user= --plain-password-file [dir]/password": "a name of 0 bytes; it must have 1 to 255",
		"--plain-user a --plain-password-file=":              "write the path of a file",
		"--curve-key a --curve-clients any --plain-user a":   "CURVE and PLAIN exclude each other: leave --plain-user",
		"--name=":                            "--name: write a name",
		"--curve-keygen a_secret":            "leave _secret out",
		"--curve-keygen a --hwm 5":           "--curve-keygen makes a certificate and ends: leave --hwm out",
		"--curve-keygen a tcp://127.0.0.1:1": `--curve-keygen makes a certificate and ends: leave "tcp://127.0.0.1:1" out`,
		"--curve-key [dir]/web1 --curve-server-key " + strings.Repeat("0", 40):       "--curve-server-key: a key that protects nothing",
		"--curve-key [dir]/web1 --curve-server-key " + k.server.Public.String()[:39]: "this has 39; in a shell write it in single quotes",
	} {
		if !strings.Contains(line, "--curve-keygen") {
			line += " --bind tcp://127.0.0.1:0"
		}
		_, _, err := k.secure(t, line)
		wantUsageError(t, err, wrong)
	}
	both := "--curve-key [dir]/web1 --curve-server-key [dir]/server --curve-clients [dir]/clients "
	_, _, err := k.secure(t, both+"--bind tcp://127.0.0.1:0")
	wantUsageError(t, err, "connects to nothing: leave --curve-server-key out")
	_, _, err = k.secure(t, both+"--connect tcp://127.0.0.1:1")
	wantUsageError(t, err, "binds nothing: leave --curve-clients out")
}

// What is wrong with a file is an error that names it and says what to do, and repeats no secret.
func TestSecurityFiles(t *testing.T) {
	k := newKeys(t)
	k.write(t, "open_secret", k.read(t, "web1_secret"), 0o640)
	k.write(t, "readable", "geheim", 0o604)
	k.write(t, "lines", "geheim\n\n", 0o600)
	k.write(t, "empty", "\n", 0o600)
	k.write(t, "long", strings.Repeat("x", 256), 0o600)
	client, plain := "--connect tcp://127.0.0.1:1 --curve-key ", "--connect tcp://127.0.0.1:1 --plain-user u --plain-password-file "
	for line, wrong := range map[string]string{
		client + "[dir]/open --curve-server-key [dir]/server":                "[dir]/open_secret has mode 0640, so that others than its owner can read or change a secret: chmod 600 [dir]/open_secret",
		client + "[dir]/none --curve-server-key [dir]/server":                "this makes one: p --curve-keygen [dir]/none",
		client + "[dir]/none_secret --curve-server-key [dir]/server":         "this makes one: p --curve-keygen [dir]/none",
		client + "[dir]/clients/web1 --curve-clients any":                    "[dir]/clients/web1 has only the public key, and the file with the secret one, [dir]/clients/web1_secret, is missing",
		client + "[dir]/web1 --curve-server-key [dir]/server_secret":         "[dir]/server_secret holds the server's secret key, which belongs on the server alone: write the file with the public key, without _secret",
		client + "[dir]/web1 --curve-server-key [dir]/password":              "--curve-server-key: [dir]/password: ",
		client + "[dir]/web1 --curve-clients [dir]/none":                     "[dir]/none: no such file or directory; it must be a folder with the public certificate of each client",
		client + "[dir]/web1 --curve-server-key [dir]/none":                  "[dir]/none: no such file or directory; write the path of the server's public file",
		client + "[dir]/web1 --curve-clients [dir]/web1":                     "is no folder: put the public certificates of the clients into one",
		client + "[dir]/web1 --curve-clients " + k.web1.Public.String():      "--curve-clients: write the path of a folder, and put each client's certificate there; or write any",
		client + k.web1.Pair.SecretText() + " --curve-clients any":           "no secret belongs on a command line",
		client + "[dir]/web1 --curve-server-key " + k.web1.Pair.SecretText(): "this is a secret key, or was copied wrongly",
		client + "[dir]/web1 --curve-server-key " + k.server.Public.String() +
			" --curve-server-key " + k.server.Pair.SecretText(): "this is a secret key, or was copied wrongly",
		plain + "[dir]/readable": "[dir]/readable has mode 0604, so that others than its owner can read or change a secret: chmod 600 [dir]/readable",
		plain + "[dir]/lines":    "[dir]/lines has more than one line",
		plain + "[dir]/empty":    "a password of 0 bytes; it must have 1 to 255",
		plain + "[dir]/long":     "a password of 256 bytes",
		plain + "[dir]/none":     "no such file",
	} {
		_, log, err := k.secure(t, line)
		if wrong = strings.ReplaceAll(wrong, "[dir]", k.folder); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v; want %q", line, err, wrong)
		}
		for _, secret := range []string{k.web1.Pair.SecretText(), k.server.Pair.SecretText(), "geheim"} {
			if err != nil && strings.Contains(err.Error()+log, secret) {
				t.Errorf("%s: a secret is repeated: %v\n%s", line, err, log)
			}
		}
	}
}

// What the flags say arrives at the sockets.
func TestSecured(t *testing.T) {
	k := newKeys(t)
	key := k.server.Public.String()
	for line, want := range map[string]struct {
		servers         int
		known, stranger bool // of the clients, who may connect
	}{
		"--bind tcp://127.0.0.1:0 --curve-key [dir]/server --curve-clients [dir]/clients":                                                           {0, true, false},
		"--connect tcp://127.0.0.1:1 --curve-key [dir]/server_secret --curve-clients any":                                                           {0, true, true},
		"--connect tcp://127.0.0.1:1 --curve-key [dir]/web1 --curve-server-key [dir]/server":                                                        {1, false, false},
		"--bind tcp://127.0.0.1:0 --curve-key [dir]/web1 --curve-server-key " + key + " --curve-server-key [dir]/clients/web1":                      {2, false, false},
		"--connect tcp://127.0.0.1:1 --curve-key [dir]/web1 --curve-server-key [dir]/server --curve-server-key " + key:                              {1, false, false},
		"--bind tcp://127.0.0.1:0 --connect tcp://127.0.0.1:1 --curve-key [dir]/web1 --curve-server-key [dir]/server --curve-clients [dir]/clients": {1, true, false},
	} {
		c, log, err := k.secure(t, line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		about := c.Socket(zmq.Sub, slog.Default()).Security.Curve
		if about == nil || len(about.Servers) != want.servers {
			t.Fatalf("%s: %v", line, about)
		}
		admits := func(key curve.Key) bool {
			if about.Clients == nil {
				return false
			}
			_, ok := about.Clients.Admit(key)
			return ok
		}
		if admits(k.web1.Public) != want.known || admits(k.server.Public) != want.stranger {
			t.Errorf("%s: lets in the wrong clients", line)
		}
		if strings.Contains(log, "level=WARN") != want.stranger || !strings.Contains(log, about.Own.Public.String()) {
			t.Errorf("%s: %s", line, log)
		}
	}
}

// Certificates that czmq and pyzmq have made work as they are.
func TestCertificatesOfOthers(t *testing.T) {
	k := newKeys(t)
	for _, name := range []string{"server", "client", "marks", "pyzmq.key"} {
		for _, suffix := range []string{"", zcert.Suffix} {
			text, err := os.ReadFile("../../testdata/zcert/" + name + suffix)
			if err != nil {
				t.Fatal(err)
			}
			k.write(t, "their-"+name+suffix, string(text), map[string]os.FileMode{"": 0o644, zcert.Suffix: 0o600}[suffix])
		}
		c, _, err := k.secure(t, "--connect tcp://127.0.0.1:1 --curve-key [dir]/their-"+name+" --curve-server-key [dir]/their-"+name)
		if err != nil || c.security.config.Curve.Servers[0].Key != c.security.config.Curve.Own.Public {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// PLAIN is warned of once, where what it sends can leave this host.
func TestPlainWarning(t *testing.T) {
	k := newKeys(t)
	for endpoints, exposed := range map[string]bool{
		"--connect tcp://127.0.0.1:1": false, "--bind tcp://127.0.0.1:0 --bind ipc:///tmp/a": false, "--connect tcp://[::1]:1": false,
		"--connect tcp://localhost:1": false, "--connect tcp://127.8.9.10:1": false, "--connect ipc:///tmp/a": false,
		"--bind tcp://*:1": true, "--bind tcp://0.0.0.0:1 --connect tcp://192.0.2.1:1": true, "--connect tcp://logs.example.com:1": true,
		"--connect tcp://[2001:db8::1]:1": true, "--connect dns+tcp://localhost.example:1": true, "--connect srv+tcp://_a._tcp.example": true,
	} {
		c, log, err := k.secure(t, endpoints+" --plain-user u --plain-password-file [dir]/password")
		if err != nil || strings.Count(log, "level=WARN") != map[bool]int{true: 1}[exposed] {
			t.Errorf("%s: %v, %s", endpoints, err, log)
		}
		if password, err := c.Socket(zmq.Sub, slog.Default()).Security.Plain.Password(); err != nil || password != "geheim" {
			t.Errorf("%s: the password is %q, %v", endpoints, password, err)
		}
	}
}

// The password is that which the file has now.
func TestPasswordIsReadAgain(t *testing.T) {
	k := newKeys(t)
	c, _, err := k.secure(t, "--bind tcp://127.0.0.1:0 --plain-user u --plain-password-file [dir]/password")
	if err != nil {
		t.Fatal(err)
	}
	password := c.Socket(zmq.Sub, slog.Default()).Security.Plain.Password
	k.write(t, "password", "another one", 0o600)
	if got, err := password(); err != nil || got != "another one" {
		t.Errorf("%q, %v", got, err)
	}
	k.write(t, "password", "another one", 0o644)
	if got, err := password(); err == nil || got != "" || strings.Contains(err.Error(), "another") {
		t.Errorf("%q, %v", got, err)
	}
}

// A key that rsyslog has passed in quotes stands in no error.
func TestQuotedKey(t *testing.T) {
	k := newKeys(t)
	c := &Common{}
	err := c.Parse(NewSet(Program{Name: "p", Plugin: true}, c), "", []string{`--curve-key="` + k.web1.Pair.SecretText() + `"`}, io.Discard)
	wantUsageError(t, err, "begins or ends with a quote")
	if strings.Contains(err.Error(), k.web1.Pair.SecretText()) {
		t.Error(err)
	}
}
