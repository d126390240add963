package hub_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub/rights"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// tenancy is a hub under CURVE, at whose both ends are sockets of libzmq.
type tenancy struct {
	*joined
	*zmqtest.Process
	log     syncBuffer
	own     curve.KeyPair
	names   map[string]curve.KeyPair
	clients names
}

// names are the certificates that the hub knows. "" stands for one without a name.
type names map[curve.Key]string

func (n names) Admit(key curve.Key) (name string, ok bool) {
	name, ok = n[key]
	return name, ok
}

type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), text)
}

// known are those that have a certificate.
var known = []string{"red", "blue", "admin", "web", "stranger", ""}

// secure starts a hub with rights, in which KEY stands for the key of the certificate without a name.
func secure(t *testing.T, text string, cfg hub.Config) *tenancy {
	t.Helper()
	d := &tenancy{Process: zmqtest.Start(t), own: generated(t), names: make(map[string]curve.KeyPair), clients: make(names)}
	var servers []curve.Named
	for _, name := range known {
		pair := generated(t)
		d.names[name], d.clients[pair.Public] = pair, name
		servers = append(servers, curve.Named{Name: name, Key: pair.Public})
	}
	cfg.In.Security = zmq.Security{Curve: &zmq.Curve{Own: d.own, Clients: d.clients, Servers: servers}}
	cfg.Out.Security = zmq.Security{Curve: &zmq.Curve{Own: d.own, Clients: d.clients}}
	cfg.In.Logger = slog.New(slog.NewTextHandler(&d.log, nil))
	cfg.Out.Logger, cfg.Rights = cfg.In.Logger, d.parse(t, text)
	d.joined = start(t, cfg)
	return d
}

func generated(t *testing.T) curve.KeyPair {
	t.Helper()
	pair, err := curve.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func (d *tenancy) parse(t *testing.T, text string) *rights.Rights {
	t.Helper()
	r, err := rights.Parse([]byte(strings.ReplaceAll(text, "KEY", d.names[""].Public.String())))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// change gives the hub other rights.
func (d *tenancy) change(text string, ended int) {
	d.t.Helper()
	if n := d.SetRights(d.parse(d.t, text)); n != ended {
		d.t.Errorf("%d connections were ended, want %d", n, ended)
	}
}

// options are those of a client.
func (d *tenancy) options(name string) zmqtest.Options {
	pair := d.names[name]
	return zmqtest.Options{"CURVE_SERVERKEY": d.own.Public.String(), "CURVE_PUBLICKEY": pair.Public.String(),
		"CURVE_SECRETKEY": pair.SecretText(), "RECONNECT_IVL": 5}
}

// sub returns a subscriber.
func (d *tenancy) sub(name string, topics ...string) *zmqtest.Socket {
	d.t.Helper()
	return d.Connect("SUB", d.out, d.options(name)).Subscribe(topics...)
}

// pub returns a publisher that has connected to the hub.
func (d *tenancy) pub(typ, name string) *zmqtest.Socket {
	d.t.Helper()
	return d.Connect(typ, d.in, d.options(name))
}

// server returns a publisher that the hub has connected to.
func (d *tenancy) server(typ, name string) *zmqtest.Socket {
	d.t.Helper()
	pair := d.names[name]
	s := d.Bind(typ, zmqtest.Loopback, zmqtest.Options{"CURVE_SERVER": 1,
		"CURVE_PUBLICKEY": pair.Public.String(), "CURVE_SECRETKEY": pair.SecretText()})
	d.dial(s.Endpoint)
	return s
}

// until has subscribers receive a message, and throws away what they receive before it.
func until(message string, subs ...*zmqtest.Socket) {
	for _, s := range subs {
		s.T.Helper()
		for s.Recv(1)[0] != message {
		}
	}
}

// Two tenants whose prefixes begin alike, one without a name, and an admin.
const redAndBlue = `
web    publish    *
red    subscribe  app.red. shared
blue   subscribe  app.redder. app.blue. shared
KEY    subscribe  app.red.1
admin  subscribe  *
`

// Whatever a tenant asks for, it gets what it may of that: a part of what it may, more than that, or what is another's.
func TestTenantsGetTheirPart(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]hub.Config{"": {}, "replay": {Replay: 10, ReplayBytes: 1 << 20}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := secure(t, redAndBlue, cfg)
			web, admin := d.pub("PUB", "web"), d.sub("admin", "")
			red, blue, key := d.sub("red", ""), d.sub("blue", ""), d.sub("", "")
			narrow := d.sub("red", "app.red.1", "app.red.12", "app.redder.", "app.blue.1")
			wide := d.sub("red", "app.redder.x", "app", "blue")
			warm(web, admin, "other")
			for _, s := range []*zmqtest.Socket{red, key, narrow, wide} {
				warm(web, s, "app.red.1")
			}
			warm(web, blue, "shared")
			web.Send("shared|go", "app.red.1|go")
			until("shared|go", blue)
			until("app.red.1|go", red, key, narrow, wide, admin)
			all := []string{"app.red.|1", "app.red.1|2", "app.redder.|3", "app.redder.x|4", "app.blue.1|5", "app.red|6", "app|7",
				"|8", "a|9", "shared|10", "share|11", "app.red.12|12", "app.red.\x00\xff|13|more", "app.red.3", "app.blue.end",
				"App.red.1|14", "\x00app.red.1|15", "app.red.1|end"}
			web.Send(all...)
			admin.Expect(all...)
			red.Expect("app.red.|1", "app.red.1|2", "shared|10", "app.red.12|12", "app.red.\x00\xff|13|more", "app.red.3", "app.red.1|end")
			blue.Expect("app.redder.|3", "app.redder.x|4", "app.blue.1|5", "shared|10", "app.blue.end")
			key.Expect("app.red.1|2", "app.red.12|12", "app.red.1|end")
			narrow.Expect("app.red.1|2", "app.red.12|12", "app.red.1|end")
			wide.Expect("app.red.|1", "app.red.1|2", "app.red.12|12", "app.red.\x00\xff|13|more", "app.red.3", "app.red.1|end")
			for _, s := range []*zmqtest.Socket{admin, red, blue, key, narrow, wide} {
				if !s.Idle(5) {
					t.Errorf("received %q", s.Recv(1))
				}
			}
		})
	}
}

// The empty topic is a part of everything alone, and a prefix may have any bytes.
func TestTenantsOfBinaryTopics(t *testing.T) {
	t.Parallel()
	d := secure(t, `web   publish   *
		red   subscribe "\xff\x00" "\n" "\"a\\"
		admin subscribe *`, hub.Config{})
	web, admin, red := d.pub("PUB", "web"), d.sub("admin", ""), d.sub("red", "")
	warm(web, admin, "")
	warm(web, red, "\n")
	until("\n|ready", admin)
	web.Send("", "|1", "\xff|2", "\xff\x00|3", "\xff\x00\x00|4", "\x00|5", "\"a\\|6", "\"a|7", "\n")
	admin.Expect("", "|1", "\xff|2", "\xff\x00|3", "\xff\x00\x00|4", "\x00|5", "\"a\\|6", "\"a|7", "\n")
	red.Expect("\xff\x00|3", "\xff\x00\x00|4", "\"a\\|6", "\n")
}

// A tenant that subscribes and cancels without a pause, to everything and to what is another's, gets nothing that it
// may not have, and takes nothing from the others. When it has gone, nothing is left of what was asked for it.
func TestTenantThatSubscribesWithoutAPause(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]hub.Config{"": {}, "replay": {Replay: 2, ReplayBytes: 1 << 20}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := secure(t, redAndBlue, cfg)
			web, admin, blue := d.pub("PUB", "web"), d.sub("admin", ""), d.sub("blue", "")
			o := d.options("red")
			o["SNDHWM"] = 0 // libzmq drops subscriptions that do not fit
			red := d.Connect("XSUB", d.out, o)
			warm(web, admin, "other")
			warm(web, blue, "shared")
			until("shared|ready", admin)
			for i := range 100 {
				var changes []string
				for range 20 {
					changes = append(changes, "\x01", "\x01app", "\x00app", "\x01app.blue.", "\x01app.red.1", "\x00", "\x00app.blue.", "\x00app.red.1")
				}
				red.Send(changes...)
				n := fmt.Sprint("|", i)
				web.Send("app.blue.1"+n, "app.red.1"+n, "secret"+n, "app.redder.1"+n)
				admin.Expect("app.blue.1"+n, "app.red.1"+n, "secret"+n, "app.redder.1"+n)
				blue.Expect("app.blue.1"+n, "app.redder.1"+n)
			}
			red.Send("\x01")
			taptest.Eventually(t, "a path to red", func() (found bool) {
				web.Send("secret|end", "app.blue.|end", "app.red.|end")
				for !red.Idle(5) {
					m := red.Recv(1)[0]
					if !strings.HasPrefix(m, "app.red.") && !strings.HasPrefix(m, "shared|") {
						t.Fatalf("received %q", m)
					}
					found = found || m == "app.red.|end"
				}
				return found
			})
			for _, s := range []*zmqtest.Socket{red, blue, admin} {
				s.Close()
			}
			if cfg.Replay > 0 {
				return // everything is asked for
			}
			late := d.pub("XPUB", "web")
			d.sub("red", "app.red.7")
			asked := make(map[string]bool)
			taptest.Eventually(t, "an end of all else that is asked for", func() bool {
				for !late.Idle(5) {
					change := late.Recv(1)[0]
					if asked[change[1:]] = true; change[0] == 0 {
						delete(asked, change[1:])
					}
				}
				return len(asked) == 1 && asked["app.red.7"]
			})
		})
	}
}
