package integration

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Peers and readers that harm, or would: each of these tests has a program with little memory or few descriptors, a
// crowd that takes what it can, and somebody who must be served all the same.

// hostileMemory is the --max-memory of these tests. At no time may a program have more than hostileLimit KiB, half as
// much again.
const (
	hostileMemory = "32MiB"
	hostileLimit  = 48 << 10
)

// stranger is a connection on which a ZMTP handshake was made. Its writes may fail: it may have been ended.
type stranger struct{ net.Conn }

// meet connects to a socket and performs the handshake of version 3.1. The connection stands until the test ends, or
// the socket ends it.
func meet(t *testing.T, port, socketType string) *stranger {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	greeting := "\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x03\x01NULL" + strings.Repeat("\x00", 48)
	metadata := zmtpProperty("Socket-Type", socketType)
	if socketType == "DEALER" { // a sender's, version 1
		metadata += zmtpProperty("Identity", "\x01"+fmt.Sprintf("%016d", conn.LocalAddr().(*net.TCPAddr).Port))
	}
	io.WriteString(conn, greeting+zmtpCommand("READY", metadata))
	io.ReadFull(conn, make([]byte, 64+2)) //nolint:errcheck // it may have been refused
	return &stranger{conn}
}

// zmtpCommand is a command of at most 255 bytes.
func zmtpCommand(name, data string) string {
	return "\x04" + string([]byte{byte(1 + len(name) + len(data)), byte(len(name))}) + name + data
}

// zmtpProperty is a property of a handshake's metadata.
func zmtpProperty(name, value string) string {
	return string([]byte{byte(len(name))}) + name + string([]byte{0, 0, 0, byte(len(value))}) + value
}

// begin sends all but the last byte of a message, as far as somebody reads it.
func (s *stranger) begin(size uint64) {
	go io.WriteString(s, string(binary.BigEndian.AppendUint64([]byte{2}, size))+strings.Repeat("x", int(size-1)))
}

// peakKiB returns the most memory that a process has had, VmHWM.
func peakKiB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// staysSmall fails the test if the process has had too much memory.
func (p *process) staysSmall(t *testing.T) {
	t.Helper()
	if peak := peakKiB(t, p.pid()); peak > hostileLimit {
		t.Errorf("%s has had %d KiB with --max-memory %s", p.name, peak, hostileMemory)
	}
}

// Strangers who greet and stay use up the descriptors, and others begin long messages. An acknowledged sender is served
// all the same, a new one, too, and imzmq reaches its destination when that comes back.
func TestHostileSenders(t *testing.T) {
	t.Parallel()
	to := startRsyslogd(t, preamble+relpToFile)
	limited := exec.Command("sh", "-c", `ulimit -n 256 && exec "$0" "$@"`, program("imzmq"), "--bind", "tcp://127.0.0.1:0",
		"--to", "relp://127.0.0.1:"+to.relp, "--max-memory", hostileMemory, "--reconnect-max", "200ms")
	imzmq := start(t, "imzmq", limited)
	port := imzmq.boundPort(t)
	d := drive(t, "--connect", "tcp://127.0.0.1:"+port)
	d.commits(t, numbered("<13>before %d", 10)...)
	var strangers []*stranger
	for range 300 {
		strangers = append(strangers, meet(t, port, "DEALER"))
	}
	for _, s := range strangers[200:] {
		s.begin(1 << 20)
	}
	long := "<13>" + strings.Repeat("long ", 10_000)
	d.commits(t, append(numbered("<13>among %d", 10), long, long)...)
	newcomer := drive(t, "--connect", "tcp://127.0.0.1:"+port)
	newcomer.commits(t, numbered("<13>new %d", 10)...)
	imzmq.logged(t, `all connections are in use.*advice="raise the limit of 256 file descriptors`)

	to.stop(t)
	d.begin(t)
	d.write(t, "<13>meanwhile")
	for range 100 {
		meet(t, port, "DEALER")
	}
	to.again(t)
	d.expect(t, deferred)
	d.write(t, commit)
	d.expect(t, ok)
	imzmq.staysSmall(t)
}

// Subscribers send what is no subscription, ask for thousands of prefixes, or do not read; readers over HTTP do not
// read either. Somebody who subscribes to a little gets it.
func TestHostileReaders(t *testing.T) {
	t.Parallel()
	h := startTap(t, "hub", "--in", "tcp://127.0.0.1:0", "--out", "tcp://127.0.0.1:0", "--http", "127.0.0.1:0",
		"--http-history", "1MiB", "--max-memory", hostileMemory, "--heartbeat", "0")
	_, out, _ := net.SplitHostPort(strings.TrimPrefix(h.logged(t, `side=out endpoint=(\S+)`)[1], "tcp://"))
	pub := startPeer(t, "PUB", "--connect", h.logged(t, `side=in endpoint=(\S+)`)[1])
	for i := range 40 {
		meet(t, out, "SUB").begin(1 << 20)
		greedy := meet(t, out, "SUB")
		go func() {
			for k := range 4000 {
				if _, err := io.WriteString(greedy, zmtpCommand("SUBSCRIBE", fmt.Sprintf("%d.%06d", i, k))); err != nil {
					return
				}
			}
		}()
		io.WriteString(meet(t, out, "SUB"), zmtpCommand("SUBSCRIBE", ""))
	}
	address := strings.TrimSuffix(strings.TrimPrefix(h.served(t), "http://"), "/")
	body := strings.Repeat("\x01x", 2000)
	for range 60 { // they come one after the other, so that each has messages that no other one has
		readNothing(t, address)
		for range 200 {
			pub.send(t, "flood", body)
		}
		pub.send(t, "flood", strings.Repeat(body, 50))
	}
	good := startPeer(t, "SUB", "--subscribe", "good", "--connect", "tcp://127.0.0.1:"+out)
	warmed(t, func() { pub.send(t, "good", "news") }, good.some)
	good.expect(t, "good", "news")
	h.logged(t, `peer dropped.*prefixes.*--max-memory`)
	h.staysSmall(t)
}

// readNothing begins a stream over HTTP and does not read it.
func readNothing(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.(*net.TCPConn).SetReadBuffer(4096) //nolint:errcheck // then the kernel holds more
	fmt.Fprintf(conn, "GET /stream HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", address)
}

// Subscribers of omzmq do not read. It answers rsyslog as ever.
func TestHostileSubscribers(t *testing.T) {
	t.Parallel()
	d := drive(t, "--socket", "pub", "--bind", "tcp://127.0.0.1:0", "--max-memory", hostileMemory, "--heartbeat", "0")
	port := d.boundPort(t)
	for range 200 {
		s := meet(t, port, "SUB")
		io.WriteString(s, zmtpCommand("SUBSCRIBE", ""))
	}
	good := startPeer(t, "SUB", "--subscribe", "<13>good", "--connect", "tcp://127.0.0.1:"+port)
	flood := make([]string, 200)
	for i := range flood {
		flood[i] = "<13>flood " + strings.Repeat("x", 5000)
	}
	for range 20 {
		d.commits(t, flood...)
	}
	warmed(t, func() { d.commits(t, "<13>good") }, good.some)
	good.expect(t, "<13>good")
	d.staysSmall(t)
}
