package intake

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// bare connects a DEALER that is nothing but a connection, and so takes next to no memory.
func (h *house) bare(t *testing.T, id delivery.SenderID) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.at, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	property := func(name, value string) string {
		return string(byte(len(name))) + name + string(binary.BigEndian.AppendUint32(nil, uint32(len(value)))) + value
	}
	ready := "\x05READY" + property("Socket-Type", "DEALER") + property("Identity", string(id[:]))
	greeting := "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x01NULL" + strings.Repeat("\x00", 48)
	if _, err := io.WriteString(conn, greeting+"\x04"+string(byte(len(ready)))+ready); err != nil {
		t.Fatal(err)
	}
	header := make([]byte, 64+2)
	if _, err := io.ReadFull(conn, header); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, header[65])); err != nil {
		t.Fatal(err)
	}
	return conn
}

// inUse returns how many bytes of memory are in use, goroutines' stacks included.
func inUse() int {
	var m runtime.MemStats
	for range 3 { // sync.Pool keeps what it has for two
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// A sender that has sent something and is idle takes 64 KiB at most: its buffers, its goroutines, and what is
// remembered of its numbers.
func TestMemoryOfASender(t *testing.T) {
	const senders, most = 200, 64 << 10
	h := newHouse(t, zmq.Config{})
	before := inUse()
	for i := range senders {
		conn := h.bare(t, delivery.NewSenderID())
		if _, err := io.WriteString(conn, "\x01\x08\x00\x00\x00\x00\x00\x00\x00\x01\x01\x00\x00\x05hello"); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 10)
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01" {
			t.Fatalf("sender %d is answered %q, %v", i, answer, err)
		}
	}
	if each := (inUse() - before) / senders; each > most {
		t.Errorf("a sender takes %d bytes, at most %d are wanted", each, most)
	}
}

// Whether an id is contested is found out when a connection comes or goes, and not for each batch: many connections may
// have one id.
func TestABatchCostsTheSameHoweverManyHaveItsSendersID(t *testing.T) {
	const connections = 20
	h, id := newHouse(t, zmq.Config{}), delivery.NewSenderID()
	for i := range connections {
		h.come(t, h.at, id, message.Claim{Instance: fmt.Sprint(i), First: 1}, zmq.Security{})
	}
	var c *sender
	admitted := func() (n int) {
		h.senders.mu.Lock()
		defer h.senders.mu.Unlock()
		for _, c = range h.senders.byID[id] {
			if c.admitted {
				n++
			}
		}
		return n
	}
	eventually(t, "all of them", func() bool { return admitted() == connections })
	looks := func() {
		if claim, contested := h.senders.look(c.peer); claim == nil || !contested {
			t.Errorf("claim %+v, contested %v", claim, contested)
		}
	}
	looks()
	if n := testing.AllocsPerRun(100, looks); n > 0 {
		t.Errorf("%v allocations, as if all connections with the id were looked at", n)
	}
}
