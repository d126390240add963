package zmq

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// A stranger can send any number of properties. What is kept of them for as long as it is connected has a bound.
func TestPropertiesAreBounded(t *testing.T) {
	data := zmtp.AppendProperty(nil, zmtp.SocketType, []byte("DEALER"))
	data = zmtp.AppendProperty(data, "X-Long", []byte(strings.Repeat("x", maxProperty+1)))
	data = zmtp.AppendProperty(data, "X-Longest", []byte(strings.Repeat("x", maxProperty)))
	for i := range 2 * maxProperties {
		data = zmtp.AppendProperty(data, fmt.Sprintf("X-%d", i), []byte("value"))
	}
	m := metadata{typ: Router}
	conn := zmq4.Conn{}
	conn.Peer.Meta = make(zmq4.Metadata)
	if err := m.read(&conn, data); err != nil {
		t.Fatal(err)
	}
	if len(m.peerProperties) != maxProperties {
		t.Fatalf("%d properties are kept", len(m.peerProperties))
	}
	first, last := m.peerProperties[0], m.peerProperties[maxProperties-1]
	if first.Name != "X-Longest" || len(first.Value) != maxProperty || last.Name != fmt.Sprintf("X-%d", maxProperties-2) {
		t.Errorf("kept from %q to %q", first.Name, last.Name)
	}
}
