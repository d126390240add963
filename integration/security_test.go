package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// CURVE and PLAIN from the command lines of the real programs.

// keyring is a folder of certificates, as --curve-keygen makes them. Its folder clients has those that a server lets
// in; its files password and password2 have two passwords.
type keyring struct{ dir string }

func makeKeyring(t *testing.T, names ...string) *keyring {
	t.Helper()
	c := &keyring{folder(t)}
	if err := os.Mkdir(c.path("clients"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if out := output(t, "omzmq", "--curve-keygen", c.path(name), "--name", name); !strings.HasPrefix(out, "public key: ") {
			t.Fatalf("--curve-keygen prints %q", out)
		}
	}
	c.write(t, "password", secretWord+"\n")
	c.write(t, "password2", secretWord+"2\n")
	return c
}

const secretWord = "open-sesame"

func (c *keyring) path(name string) string { return filepath.Join(c.dir, name) }

func (c *keyring) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(c.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (c *keyring) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(c.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// allow puts clients' public certificates into the folder of those that are let in.
func (c *keyring) allow(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		c.write(t, "clients/"+name, c.read(t, name))
	}
}

func (c *keyring) forbid(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(c.path("clients/" + name)); err != nil {
		t.Fatal(err)
	}
}

// Flags of a CURVE server, of a client that knows servers, and of both ends of PLAIN.

func (c *keyring) serves(name string) []string {
	return []string{"--curve-key", c.path(name), "--curve-clients", c.path("clients")}
}

func (c *keyring) knows(name string, servers ...string) []string {
	flags := []string{"--curve-key", c.path(name)}
	for _, server := range servers {
		flags = append(flags, "--curve-server-key", c.path(server))
	}
	return flags
}

func (c *keyring) plain(user, file string) []string {
	return []string{"--plain-user", user, "--plain-password-file", c.path(file)}
}

// with joins a command line's parts.
func with(flags []string, more ...string) []string {
	return append(flags[:len(flags):len(flags)], more...)
}

const here = "tcp://127.0.0.1:0"

// wantUser checks that an end knows who the other one is.
func (p *process) wantUser(t *testing.T, user string) {
	t.Helper()
	p.logged(t, `msg="peer connected" .*peer=\S+ user=`+regexp.QuoteMeta(user)+` `)
}

// secured are the flags of two ends.
type secured struct {
	bound, connected []string
	client, server   string // their names, as the other end logs them; "": none
}

func (c *keyring) mechanisms() map[string]secured {
	return map[string]secured{
		"CURVE":           {c.serves("server"), c.knows("web1", "server"), "web1", "server"},
		"CURVE, reversed": {c.knows("web1", "server"), c.serves("server"), "server", "web1"},
		"PLAIN":           {c.plain("u", "password"), c.plain("u", "password"), "u", ""},
	}
}

// Each of omzmq and imzmq is server and client, bound and connected.
func TestSecuredDelivery(t *testing.T) {
	c := makeKeyring(t, "server", "web1")
	c.allow(t, "web1")
	for name, s := range c.mechanisms() {
		t.Run(name, func(t *testing.T) {
			imzmq := startPrinter(t, with(s.bound, "--bind", here)...)
			d := drive(t, with(s.connected, "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))...)
			d.commits(t, "<13>a")
			imzmq.expect(t, "<13>a")
			imzmq.wantUser(t, s.client)
			if s.server != "" {
				d.wantUser(t, s.server)
			}
			wantExit(t, d, 0)
			imzmq.stop(t)

			d = drive(t, with(s.bound, "--bind", here)...)
			imzmq = startPrinter(t, with(s.connected, "--connect", "tcp://127.0.0.1:"+d.boundPort(t))...)
			d.commits(t, "<13>b")
			imzmq.expect(t, "<13>b")
			d.wantUser(t, s.client)
		})
	}
}

// publishes commits a line again and again until every reader has something.
func (d *driver) publishes(t *testing.T, has ...func() bool) {
	t.Helper()
	warmed(t, func() { d.commits(t, "<13>warm-up") }, has...)
}

// Each command of zmqtap is server and client, bound and connected. The hub is so on both sides; with both roles it is
// the server where it has bound, and the client of the hub that it connects to.
func TestSecuredTap(t *testing.T) {
	c := makeKeyring(t, "server", "web1")
	c.allow(t, "web1")
	for name, s := range c.mechanisms() {
		t.Run(name, func(t *testing.T) {
			pub := drive(t, with(s.bound, "--socket", "pub", "--bind", here)...)
			at := "tcp://127.0.0.1:" + pub.boundPort(t)
			tap := startTapPrinter(t, with(s.connected, "--raw", at)...)
			url := startTap(t, with(append([]string{"serve"}, s.connected...), "--http", "127.0.0.1:0", at)...).served(t)
			pub.publishes(t, tap.some, follow(t, url+"stream").some)

			tap = startTapPrinter(t, with(s.bound, "--raw", "--bind", here)...)
			site := startTap(t, with(append([]string{"serve"}, s.bound...), "--http", "127.0.0.1:0", "--bind", here)...)
			pub = drive(t, with(s.connected, "--socket", "pub", "--connect", "tcp://127.0.0.1:"+tap.boundPort(t),
				"--connect", "tcp://127.0.0.1:"+site.boundPort(t))...)
			pub.publishes(t, tap.some, follow(t, site.served(t)+"stream").some)

			h := startHub(t, s.bound...)
			second := startTap(t, with(append([]string{"hub"}, s.connected...), "--in-connect", h.out, "--http", "127.0.0.1:0")...)
			pub = drive(t, with(s.connected, "--socket", "pub", "--connect", h.in)...)
			tap = startTapPrinter(t, with(s.connected, "--raw", h.out)...)
			pub.publishes(t, tap.some, follow(t, second.served(t)+"stream").some)
			h.logged(t, `side=in .*user=`+s.client)
			h.logged(t, `side=out .*user=`+s.client)
		})
	}
}

func TestHubIsServerAndClient(t *testing.T) {
	c := makeKeyring(t, "server", "hub2", "web1")
	c.allow(t, "hub2", "web1")
	first := startHub(t, c.serves("server")...)
	second := startHub(t, with(c.knows("hub2", "server"), "--curve-clients", c.path("clients"), "--in-connect", first.out)...)
	pub := drive(t, with(c.knows("web1", "server"), "--socket", "pub", "--connect", first.in)...)
	tap := startTapPrinter(t, with(c.knows("web1", "hub2"), "--raw", second.out)...)
	pub.publishes(t, tap.some)
	first.wantUser(t, "hub2")
	second.wantUser(t, "server")
	second.wantUser(t, "web1")
}

// What does not fit together is said at both ends in the same words, with the other end's address: once at the end that
// dials, in few lines at the other one. Both count it.
func TestRefusals(t *testing.T) {
	c := makeKeyring(t, "server", "other", "web1", "stranger")
	c.allow(t, "web1")
	for name, refused := range map[string]struct {
		imzmq, omzmq []string
		phrase       string
	}{
		"another server":       {c.serves("server"), c.knows("web1", "other"), "wrong server key"},
		"two other servers":    {c.serves("server"), c.knows("web1", "other", "stranger"), "wrong server key"},
		"an unknown client":    {c.serves("server"), c.knows("stranger", "server"), "client refused"},
		"a client in clear":    {c.serves("server"), nil, "security mismatch"},
		"a server in clear":    {nil, c.knows("web1", "server"), "security mismatch"},
		"PLAIN at CURVE":       {c.serves("server"), c.plain("u", "password"), "security mismatch"},
		"CURVE at PLAIN":       {c.plain("u", "password"), c.knows("web1", "server"), "security mismatch"},
		"two clients":          {c.knows("stranger", "server"), c.knows("web1", "server"), "security mismatch"},
		"two servers":          {c.serves("server"), c.serves("other"), "security mismatch"},
		"another password":     {c.plain("u", "password"), c.plain("u", "password2"), "wrong user or password"},
		"another user":         {c.plain("u", "password"), c.plain("v", "password"), "wrong user or password"},
		"PLAIN, asked by none": {c.plain("u", "password"), nil, "security mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			imzmq := startPrinter(t, with(refused.imzmq, "--bind", here)...)
			d := drive(t, with(refused.omzmq, "--reconnect", "10ms", "--reconnect-max", "100ms",
				"--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))...)
			eventually(t, patience, "several attempts", func() bool {
				return strings.Count(imzmq.stderr.String(), `msg="connection refused"`) > 2
			})
			imzmq.logged(t, `level=WARN msg="connection refused" endpoint=tcp://\S+ peer=tcp://127\.0\.0\.1:\d+ reason="`+refused.phrase)
			d.logged(t, `level=WARN msg="no connection; will go on trying" endpoint=tcp://\S+ reason="`+refused.phrase)
			if code := d.finish(t); code != 0 {
				t.Errorf("omzmq ended with %d", code)
			}
			imzmq.stop(t)
			imzmq.logged(t, `msg=end .*"connections refused"=[1-9]`)
			d.logged(t, `msg=end .*"connections refused"=0`) // it has refused nobody
			for _, p := range []*process{d.process, imzmq.process} {
				if strings.Contains(p.stderr.String(), secretWord) || strings.Contains(p.stderr.String(), "connected") {
					t.Errorf("%s has a password in its log, or a connection", p.name)
				}
			}
			if log := d.stderr.String(); strings.Count(log, "no connection") != 1 {
				t.Errorf("omzmq does not say it once: %s", log)
			}
		})
	}
}
