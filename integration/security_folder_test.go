package integration

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// servers are the programs that let clients in, each with a client of its own. They lack the flags for security.
var servers = map[string]struct{ server, client []string }{
	"imzmq":           {[]string{"imzmq", "--to", "-", "--bind", here}, []string{"omzmq"}},
	"omzmq":           {[]string{"omzmq", "--bind", here}, []string{"imzmq", "--to", "-"}},
	"zmqtap":          {[]string{"zmqtap", "--bind", here}, []string{"omzmq", "--socket", "pub"}},
	"zmqtap serve":    {[]string{"zmqtap", "serve", "--http", "unix:[dir]/http", "--bind", here}, []string{"omzmq", "--socket", "pub"}},
	"zmqtap hub, in":  {[]string{"zmqtap", "hub", "--in", here, "--out", "ipc://[dir]/out"}, []string{"omzmq", "--socket", "pub"}},
	"zmqtap hub, out": {[]string{"zmqtap", "hub", "--in", "ipc://[dir]/in", "--out", here}, []string{"zmqtap"}},
}

// open starts a program whose standard input has no end. [dir] is the folder of the certificates.
func (c *keyring) open(t *testing.T, line []string, more ...string) *process {
	t.Helper()
	var args []string
	for _, arg := range with(line[1:], more...) {
		args = append(args, strings.ReplaceAll(arg, "[dir]", c.dir))
	}
	p, _, _ := startPiped(t, line[0], exec.Command(program(line[0]), args...))
	return p
}

// count waits until a process has logged a text n times.
func (p *process) count(t *testing.T, n int, text string) {
	t.Helper()
	eventually(t, patience, p.name+" logs "+text, func() bool { return strings.Count(p.stderr.String(), text) >= n })
}

// A client whose certificate is removed loses its connection, and gets it back with the certificate. Another client's
// connection stays, whatever becomes of other files. SIGHUP ends nothing.
func TestClientsComeAndGo(t *testing.T) {
	for name, s := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := makeKeyring(t, "server", "web1", "web2")
			c.allow(t, "web1", "web2")
			server := c.open(t, s.server, c.serves("server")...)
			at := []string{"--reconnect-max", "100ms", "--connect", "tcp://127.0.0.1:" + server.boundPort(t)}
			web1 := c.open(t, s.client, with(c.knows("web1", "server"), at...)...)
			web2 := c.open(t, s.client, with(c.knows("web2", "server"), at...)...)
			server.wantUser(t, "web1")
			server.wantUser(t, "web2")

			c.write(t, "clients/broken", "curve\n    public-key = oops\n")
			server.logged(t, `level=WARN .*file=\S+/clients/broken problem="line 2: public-key: `)
			c.forbid(t, "web1")
			server.logged(t, `msg="allowed clients have changed".* removed="1: web1"`)
			server.logged(t, `level=WARN msg="peer dropped" .*reason="client refused: its certificate is no longer in --curve-clients"`)
			web1.logged(t, `msg="no connection; will go on trying" .*reason="client refused`)
			server.signal(t, syscall.SIGHUP)
			server.logged(t, `msg="allowed clients read again" .*clients=1 `)
			c.allow(t, "web1")
			server.signal(t, syscall.SIGHUP)
			server.count(t, 2, "user=web1 ")
			if strings.Contains(web2.stderr.String(), "connection lost") || strings.Count(server.stderr.String(), "user=web2 ") != 1 {
				t.Error("the other client has lost its connection")
			}
			server.stop(t)
		})
	}
}

// A password that has changed is asked of new connections. SIGHUP ends nothing.
func TestPasswordChanges(t *testing.T) {
	for name, s := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := makeKeyring(t)
			server := c.open(t, s.server, c.plain("u", "password")...)
			at := []string{"--reconnect-max", "100ms", "--connect", "tcp://127.0.0.1:" + server.boundPort(t)}
			old := c.open(t, s.client, with(c.plain("u", "password"), at...)...)
			server.wantUser(t, "u")
			before := c.read(t, "password")
			c.write(t, "before", before)
			c.write(t, "password", c.read(t, "password2"))
			server.signal(t, syscall.SIGHUP)
			server.logged(t, `msg="the password can be read; new connections need it"`)
			late := c.open(t, s.client, with(c.plain("u", "before"), at...)...)
			late.logged(t, `reason="wrong user or password`)
			server.logged(t, `reason="wrong user or password`)
			c.open(t, s.client, with(c.plain("u", "password2"), at...)...)
			server.count(t, 2, "user=u ")
			if strings.Contains(old.stderr.String(), "connection lost") {
				t.Error("an open connection was ended")
			}
			server.stop(t)
		})
	}
}

// At a terminal, zmqtap still ends when that goes, whatever SIGHUP means to it otherwise. (Without a command it would
// end anyway, because it writes there.)
func TestTerminalOfACurveServerGoes(t *testing.T) {
	c := makeKeyring(t, "server", "web1")
	c.allow(t, "web1")
	s := startAtTerminal(t, exec.Command(program("zmqtap"), with([]string{"serve", "--http", "127.0.0.1:0", "--bind", here},
		c.serves("server")...)...))
	s.shows(t, "listening")
	s.signal(t, syscall.SIGHUP)
	s.shows(t, "allowed clients read again")
	s.keys.Close()
	c.allow(t, "server") // a line in the log ends the reading of the terminal, which keeps it open until then
	if code := s.exit(t); code != 0 {
		t.Errorf("it ended with %d", code)
	}
}
