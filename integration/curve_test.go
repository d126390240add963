package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve/zcert"
)

// certificates are a server's and a client's, which czmq made. The server's folder of clients has the client alone.
type certificates struct {
	folder string
}

func certify(t *testing.T) certificates {
	t.Helper()
	c := certificates{folder(t)}
	if err := os.Mkdir(c.clients(), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server", "client"} {
		for _, part := range []string{name, name + zcert.Suffix} {
			data, err := os.ReadFile(filepath.Join(repository(), "testdata/zcert", part))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(c.path(part), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Link(c.path("client"), filepath.Join(c.clients(), "client")); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c certificates) path(name string) string { return filepath.Join(c.folder, name) }
func (c certificates) clients() string         { return c.path("clients") }

// server and client are our programs' flags.
func (c certificates) server() []string {
	return []string{"--curve-key", c.path("server"), "--curve-clients", c.clients()}
}

func (c certificates) client() []string {
	return []string{"--curve-key", c.path("client"), "--curve-server-key", c.path("server")}
}

func (c certificates) ours(server bool) []string {
	if server {
		return c.server()
	}
	return c.client()
}

// czmq is the part of a configuration that makes rsyslog's own module the CURVE server or client. The server's module
// lets in those whose certificates are in the folder.
func (c certificates) czmq(module string, server bool) string {
	if server {
		return fmt.Sprintf(`module(load="%s" authenticator="on" authtype="CURVESERVER" servercertpath="%s" clientcertpath="%s")`,
			module, c.path("server_secret"), c.clients())
	}
	return fmt.Sprintf(`module(load="%s" authtype="CURVECLIENT" servercertpath="%s" clientcertpath="%s")`,
		module, c.path("server"), c.path("client_secret"))
}

// Certificates that were made for omczmq serve as they are.
func TestOmczmqToImzmqUnderCurve(t *testing.T) {
	for name, server := range map[string]bool{"imzmq is the server": true, "omczmq is the server": false} {
		t.Run(name, func(t *testing.T) {
			const messages = 2000
			l, c := lines{seed: 9}, certify(t)
			endpoint := nowhere(t)
			ours, theirs := "--bind", ">"+endpoint
			if !server {
				ours, theirs = "--connect", "@"+endpoint
			}
			imzmq := startPrinter(t, append(c.ours(server), "--reconnect-max", "500ms", ours, endpoint, "--socket", "pull")...)
			from := startRsyslogd(t, preamble+wayIn+
				strings.Replace(toOmczmq("PUSH", theirs, ""), `module(load="omczmq")`, c.czmq("omczmq", !server), 1))
			arrived := l.account("", messages)
			from.feed(t, l, 0, messages)
			eventually(t, time.Minute, "every message arrives", func() bool { return imzmq.has(arrived, messages) })
			if server {
				from.stop(t)
			} else {
				from.kill() // rsyslogd with an omczmq that is a CURVE server never ends, whatever the other end
			}
			imzmq.stop(t)
			arrived.settle(t, false)
		})
	}
}

// startJeromq starts a socket of JeroMQ with the certificate of the client or the server.
func startJeromq(t *testing.T, c certificates, server bool, p pairing, flags ...string) *peer {
	t.Helper()
	if reason := leftOut("jeromq"); reason != "" {
		t.Skip(reason)
	}
	load := func(name string) *zcert.Certificate {
		cert, err := zcert.LoadSecret(c.path(name))
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	own, key := load("client"), load("server").Public.String()
	if server {
		own, key = load("server"), "self"
	}
	built := filepath.Join(repository(), ".cache/jeromq")
	cmd := exec.Command("java", "-cp", built+":"+built+"/*", "Socket", p.theirs[0], "server", key,
		"public", own.Public.String(), "secret", own.Pair.SecretText())
	if p.name == "pub-SUB" {
		cmd.Args = append(cmd.Args, "subscribe", "auth.")
	}
	cmd.Args = append(cmd.Args, flags...)
	return openPeer(t, "JeroMQ "+p.theirs[0], cmd)
}

// jeromqWays runs a test with either end as server, and either end bound.
func jeromqWays(t *testing.T, pairings []pairing, test func(t *testing.T, p pairing, c certificates, oursServes, oursBinds bool)) {
	for _, p := range pairings {
		for _, serves := range []bool{true, false} {
			for _, binds := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s,serves=%v,binds=%v", p.name, serves, binds), func(t *testing.T) {
					test(t, p, certify(t), serves, binds)
				})
			}
		}
	}
}

func TestOmzmqToJeromq(t *testing.T) {
	jeromqWays(t, sending[:2], func(t *testing.T, p pairing, c certificates, oursServes, oursBinds bool) {
		flags := append(slices.Clone(p.ours), c.ours(oursServes)...)
		if oursBinds {
			d := drive(t, append(flags, "--bind", "tcp://127.0.0.1:0")...)
			p.goesOut(t, d, startJeromq(t, c, !oursServes, p, "connect", "tcp://127.0.0.1:"+d.boundPort(t)))
			return
		}
		peer := startJeromq(t, c, !oursServes, p, "bind", "tcp://127.0.0.1:*")
		p.goesOut(t, drive(t, append(flags, "--connect", peer.endpoint)...), peer)
	})
}

func TestJeromqToImzmq(t *testing.T) {
	jeromqWays(t, receiving[:2], func(t *testing.T, p pairing, c certificates, oursServes, oursBinds bool) {
		flags := append(slices.Clone(p.ours), c.ours(oursServes)...)
		if oursBinds {
			r := startPrinter(t, append(flags, "--bind", "tcp://127.0.0.1:0")...)
			p.comesIn(t, startJeromq(t, c, !oursServes, p, "connect", "tcp://127.0.0.1:"+r.boundPort(t)), r)
			return
		}
		peer := startJeromq(t, c, !oursServes, p, "bind", "tcp://127.0.0.1:*")
		p.comesIn(t, peer, startPrinter(t, append(flags, "--connect", peer.endpoint)...))
	})
}
