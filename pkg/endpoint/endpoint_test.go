package endpoint

import (
	"os"
	"strings"
	"testing"
)

// The longest label, and a name of the greatest length.
var (
	label63 = strings.Repeat("x", 63)
	name253 = label63 + "." + label63 + "." + label63 + "." + label63[:61]
)

func TestParse(t *testing.T) {
	tests := []struct {
		text          string
		connect, bind string // the address, or "" when refused
	}{
		{"tcp://127.0.0.1:5555", "127.0.0.1:5555", "127.0.0.1:5555"},
		{"tcp://[::1]:5555", "[::1]:5555", "[::1]:5555"},
		{"tcp://[fe80::1%eth0]:5555", "[fe80::1%eth0]:5555", "[fe80::1%eth0]:5555"},
		{"tcp://logs.example.net:65535", "logs.example.net:65535", "logs.example.net:65535"},
		{"tcp://[fe80::1%a b]:5555", "", ""},
		{"tcp://[fe80::1%a/b]:5555", "", ""},
		{"tcp://[fe80::1%a]b]:5555", "", ""},
		{"tcp://*:5555", "", ":5555"},
		{"tcp://127.0.0.1:0", "", "127.0.0.1:0"},
		{"tcp://127.0.0.1:*", "", "127.0.0.1:0"},
		{"tcp://127.0.0.1:007", "127.0.0.1:7", "127.0.0.1:7"},
		{"ipc:///run/rsyslog/out.sock", "/run/rsyslog/out.sock", "/run/rsyslog/out.sock"},
		{"ipc://@rsyslog", "@rsyslog", "@rsyslog"},
		{"ipc:///" + strings.Repeat("x", 106), "/" + strings.Repeat("x", 106), "/" + strings.Repeat("x", 106)},
		{"ipc:///" + strings.Repeat("x", 107), "", ""},
		{"tcp://" + strings.Repeat("x", 600) + ":1", "", ""},
		{"ipc://relative", "", ""},
		{"ipc://", "", ""},
		{"ipc:///a\x00b", "", ""},
		{"tcp://", "", ""},
		{"tcp://host", "", ""},
		{"tcp://:5555", "", ""},
		{"tcp://::1:5555", "", ""},
		{"tcp://[::1:5555", "", ""},
		{"tcp://[]:5555", "", ""},
		{"tcp://[:::]:5555", "", ""},
		{"tcp://[host:name]:5555", "", ""},
		{"tcp://[127.0.0.1]:5555", "", ""},
		{"tcp://[::ffff:127.0.0.1]:5555", "[::ffff:127.0.0.1]:5555", "[::ffff:127.0.0.1]:5555"},
		{"tcp://host:", "", ""},
		{"tcp://host:65536", "", ""},
		{"tcp://host:-1", "", ""},
		{"tcp://host:+1", "", ""},
		{"tcp://ho st:1", "", ""},
		{"tcp://eth0;host:1", "", ""},
		{"udp://host:1", "", ""},
		{"dns+tcp://host:1", "host:1", ""},
		{"dns+tcp://logs.Example.net.:5555", "logs.Example.net.:5555", ""},
		{"dns+tcp://a_b.c-d.e1:05555", "a_b.c-d.e1:5555", ""},
		{"dns+tcp://127.0.0.1:5555", "127.0.0.1:5555", ""},
		{"dns+tcp://[::1]:5555", "[::1]:5555", ""},
		{"dns+tcp://" + name253 + ":1", name253 + ":1", ""},
		{"dns+tcp://" + name253 + ".:1", name253 + ".:1", ""},
		{"dns+tcp://" + name253 + "x:1", "", ""},
		{"dns+tcp://" + label63 + "x.net:1", "", ""},
		{"dns+tcp://127.0.0.256:5555", "", ""},
		{"dns+tcp://host", "", ""},
		{"dns+tcp://host:0", "", ""},
		{"dns+tcp://*:5555", "", ""},
		{"dns+tcp://:5555", "", ""},
		{"dns+tcp://.:5555", "", ""},
		{"dns+tcp://.net:5555", "", ""},
		{"dns+tcp://a..net:5555", "", ""},
		{"dns+tcp://a.net..:5555", "", ""},
		{"dns+tcp://-a.net:5555", "", ""},
		{"dns+tcp://a-.net:5555", "", ""},
		{"dns+tcp://a$.net:5555", "", ""},
		{"dns+tcp://a{.net:5555", "", ""},
		{"dns+tcp://bücher.net:5555", "", ""},
		{"srv+tcp://_zmq._tcp.example.net", "_zmq._tcp.example.net", ""},
		{"srv+tcp://_zmq._tcp.example.net.", "_zmq._tcp.example.net.", ""},
		{"srv+tcp://logs.service.consul", "logs.service.consul", ""},
		{"srv+tcp://_zmq._tcp.example.net:5555", "", ""},
		{"srv+tcp://", "", ""},
		{"srv+tcp://_zmq._tcp.example.net/", "", ""},
		{"srv+tcp://127.0.0.1", "", ""},
		{"srv+tcp://[::1]", "", ""},
		{"dns+ipc:///path", "", ""},
		{"inproc://x", "", ""},
		{"127.0.0.1:5555", "", ""},
		{"", "", ""},
	}
	for _, test := range tests {
		check := func(kind, want string, got Endpoint, err error) {
			if want == "" && err == nil {
				t.Errorf("%s %q: accepted as %q", kind, test.text, got.Address)
			}
			if want != "" && (err != nil || got.Address != want) {
				t.Errorf("%s %q: %q, %v; want %q", kind, test.text, got.Address, err, want)
			}
		}
		got, err := Connect(test.text)
		check("connect", test.connect, got, err)
		got, err = Bind(test.text)
		check("bind", test.bind, got, err)
	}
}

// A parsed endpoint has the expected fields, and prints as it was written.
func TestLookup(t *testing.T) {
	tests := map[string]Endpoint{
		"tcp://host:1":          {Network: "tcp", Address: "host:1"},
		"dns+tcp://host:1":      {Network: "tcp", Address: "host:1", Lookup: DNS},
		"srv+tcp://_a._tcp.net": {Network: "tcp", Address: "_a._tcp.net", Lookup: SRV},
	}
	for text, want := range tests {
		e, err := Connect(text)
		if err != nil || e != want || e.String() != text {
			t.Errorf("%s: %+v, %v, printed as %s", text, e, err, e)
		}
	}
}

// Errors say what to write instead.
func TestLookupErrors(t *testing.T) {
	tests := map[string]string{
		"srv+tcp://_a._tcp.net:5555": "without one",
		"dns+tcp://host":             "write dns+tcp://name:port",
		"dns+tcp://bücher.net:1":     "xn--",
		"dns+tcp://1.2.3:1":          "neither a name nor an IPv4 address",
		"udp://host:1":               "dns+tcp://name:port",
	}
	for text, want := range tests {
		if _, err := Connect(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"dns+tcp://host:1", "srv+tcp://_a._tcp.net"} {
		if _, err := Bind(text); err == nil || !strings.Contains(err.Error(), "bind tcp://*:port") {
			t.Errorf("bind %s: %v", text, err)
		}
	}
}

// What other programs take, or what is often written, is told what to write instead.
func TestMistakes(t *testing.T) {
	tests := map[string]string{
		"tcp://a:1,b:2":                 "several endpoints in one",
		"tcp://a:1,tcp://b:2":           "several endpoints in one",
		"ipc:///a,ipc:///b":             "several endpoints in one",
		"dns+tcp://a:1,dns+tcp://b:2":   "several endpoints in one",
		"tcp://eth0;192.0.2.7:5555":     "write tcp:// and what follows the semicolon",
		"tcp://127.0.0.1:0;127.0.0.1:1": "write tcp:// and what follows the semicolon",
		"@tcp://127.0.0.1:5555":         "write tcp://127.0.0.1:5555",
		">tcp://127.0.0.1:5555":         "write tcp://127.0.0.1:5555",
		"@ipc:///run/s":                 "write ipc:///run/s",
		"localhost:5556":                "write tcp://localhost:5556",
		"127.0.0.1:5556":                "write tcp://127.0.0.1:5556",
		"[::1]:5556":                    "write tcp://[::1]:5556",
		"*:5556":                        "write tcp://*:5556",
		"/run/s":                        "write ipc:///run/s",
		"localhost":                     "write tcp://host:port or ipc:///path",
		"":                              "write tcp://host:port or ipc:///path",
		"tcp:/a:1":                      "write tcp://host:port or ipc:///path",
		"@":                             "write tcp://host:port or ipc:///path",
	}
	for text, want := range tests {
		for _, parse := range []func(string) (Endpoint, error){Connect, Bind} {
			if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", text, err, want)
			}
		}
	}
	for _, path := range []string{"ipc:///a,b", "ipc:///a;b", "ipc://@a,b"} {
		if _, err := Connect(path); err != nil {
			t.Errorf("a path may be %s: %v", path, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(string) (Endpoint, error){Connect, Bind} {
			e, err := parse(text)
			if err != nil {
				continue
			}
			again, err := parse(e.String())
			if err != nil || again != e {
				t.Fatalf("%q became %q, which is parsed as %+v, %v", text, e.String(), again, err)
			}
		}
	})
}

// needSeeds fails if a fuzz target has no seeds.
func needSeeds(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
}
