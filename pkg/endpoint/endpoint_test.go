package endpoint

import (
	"os"
	"strings"
	"testing"
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
		{"dns+tcp://host:1", "", ""},
		{"srv+tcp://_zmq._tcp.example.net", "", ""},
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
				t.Fatalf("%q became %q, which reads as %+v, %v", text, e.String(), again, err)
			}
		}
	})
}

// needSeeds fails when a fuzz target has nothing to start from.
func needSeeds(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
}
