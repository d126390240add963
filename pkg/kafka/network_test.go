package kafka

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
)

// resolver returns a resolver whose server knows two addresses of brokers.test, and two services of _kafka._tcp.test.
func resolver(t *testing.T) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		query := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			server.WriteTo(answer(query[:n]), from) //nolint:errcheck // the test would fail
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// answer answers a query with one question (RFC 1035, RFC 2782).
func answer(query []byte) []byte {
	var labels []string
	at := 12
	for query[at] != 0 {
		labels = append(labels, string(query[at+1:at+1+int(query[at])]))
		at += 1 + int(query[at])
	}
	kind := binary.BigEndian.Uint16(query[at+1:])
	var records [][]byte
	switch name := strings.Join(labels, "."); {
	case name == "brokers.test" && kind == 1: // A
		records = [][]byte{{192, 0, 2, 1}, {192, 0, 2, 2}}
	case name == "_kafka._tcp.test" && kind == 33: // SRV: priority, weight, port, target
		for _, n := range []byte{1, 2} {
			target := []byte{2, 'k', '0' + n, 4, 't', 'e', 's', 't', 0}
			records = append(records, append([]byte{0, 0, 0, 0, 0x23, 0x84 + n}, target...)) // 9092 + n
		}
	}
	reply := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, byte(len(records)), 0, 0, 0, 0}, query[12:at+5]...)
	for _, r := range records {
		reply = append(reply, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(r)))
		reply = append(reply, r...)
	}
	return reply
}

// Any of the members of a name is picked, and the name that its certificate must have.
func TestLookUp(t *testing.T) {
	t.Parallel()
	n := &network{resolver: resolver(t)}
	for address, want := range map[string]string{
		"dns+brokers.test:9092":     "192.0.2.1:9092 brokers.test, 192.0.2.2:9092 brokers.test",
		"srv+_kafka._tcp.test:9092": "k1.test:9093 k1.test, k2.test:9094 k2.test",
		"[::1]:9092":                "[::1]:9092 ::1",
		"other.test:1":              "other.test:1 other.test",
	} {
		found := make(map[string]bool)
		for range 100 {
			picked, name, err := n.lookUp(t.Context(), address)
			if err != nil || !strings.Contains(want, picked+" "+name) {
				t.Fatalf("%s: %q, %q, %v, want %s", address, picked, name, err, want)
			}
			found[picked] = true
		}
		if len(found) != strings.Count(want, ",")+1 {
			t.Errorf("%s: only %v is picked", address, found)
		}
	}
	for _, address := range []string{"dns+missing.test:9092", "srv+_kafka._tcp.missing.test:9092"} {
		if picked, _, err := n.lookUp(t.Context(), address); err == nil {
			t.Errorf("%s: %s", address, picked)
		}
	}
}
