package integration

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
)

const relpOpen = "1 open 31 relp_version=0\ncommands=syslog\n\n"

// Strangers that connect and say nothing, nonsense or too much take nothing away from omrelp.
func TestRelpIntakeStrangers(t *testing.T) {
	t.Parallel()
	r := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	k := startIntake(t, "--connect", "tcp://127.0.0.1:"+r.boundPort(t), "--max-memory", hostileMemory)
	honest := dialRelp(t, k.port)
	says := []string{
		"", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\xff", "1", "1 open", strings.Repeat("1", 1000),
		strings.Repeat("x", 100_000), "1 syslog 999999999 " + strings.Repeat("x", 200_000), "1 open 0\n", "1 open 3 abc\n",
		"1 syslog 5 hello\n", "0 serverclose 0\n", "1 rsp 6 200 OK\n", relpOpen + "2 open 0\n", relpOpen + "2 nonsense 0\n",
		relpOpen + "2 syslog 5 hello!\n", relpOpen + "2 syslog 9999999999 ", relpOpen + "2 syslog 4 ab", relpOpen + "2 syslog -1 \n",
		relpOpen + "2 syslog 999999999 " + strings.Repeat("x", 2<<20), relpOpen + "2 rsp 6 200 OK\n", relpOpen + relpOpen,
	}
	for range 5 {
		for _, text := range says {
			conn := connectRelp(t, k.port)
			io.WriteString(conn, text) //nolint:errcheck // it may have been ended
		}
		honest.confirmed(t, honest.post(t, "<13>honest"), 1)
		r.expect(t, "<13>honest")
	}
	for range 300 { // opened and closed at once
		c := dialRelp(t, k.port)
		c.close(t)
	}
	honest.confirmed(t, honest.post(t, "<13>last"), 1)
	r.expect(t, "<13>last")
	honest.close(t)
	k.staysSmall(t)
	k.stop(t)
	k.logged(t, "msg=end received=6 confirmed=6 ")
}

// A thousand clients take part of a message each and stay, others never read what they are told, and one sends a
// message without end. One that reads is served.
func TestRelpIntakeCrowd(t *testing.T) {
	t.Parallel()
	r := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	k := startIntake(t, "--connect", "tcp://127.0.0.1:"+r.boundPort(t), "--max-memory", hostileMemory)
	dial := func(receive int) *net.TCPConn {
		conn, err := net.Dial("tcp", "127.0.0.1:"+k.port)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if receive > 0 {
			conn.(*net.TCPConn).SetReadBuffer(receive) //nolint:errcheck // then the kernel holds more
		}
		return conn.(*net.TCPConn)
	}
	for range 1000 {
		io.WriteString(dial(0), relpOpen+"2 syslog 50000 "+strings.Repeat("x", 20_000)) //nolint:errcheck // it may have been ended
	}
	var flood []byte
	for n := range 1000 {
		flood = relp.AppendFrame(flood, n+2, "syslog", []byte("flood"))
	}
	go func() { // else imzmq's stdout is full in the end
		for range r.lines {
		}
	}()
	for range 3 {
		conn := dial(4096)
		io.WriteString(conn, relpOpen) //nolint:errcheck // as above
		go func() {
			for { // until omzmq reads nothing more, or the test ends
				if _, err := conn.Write(flood); err != nil {
					return
				}
			}
		}()
	}
	endless := dial(0)
	go func() {
		io.WriteString(endless, relpOpen+"2 syslog 999999999 ") //nolint:errcheck // as above
		piece := slices.Repeat([]byte("x"), 64<<10)
		for range 1000 {
			if _, err := endless.Write(piece); err != nil {
				return
			}
		}
	}()
	honest := dialRelp(t, k.port)
	for range 50 {
		honest.confirmed(t, honest.post(t, "<13>honest"), 1)
	}
	honest.close(t)
	t.Logf("peak %d KiB", peakKiB(t, k.pid()))
	k.staysSmall(t)
}

// A receiver stands still, and clients send as much as omzmq takes: that is not much.
func TestRelpIntakeHoldsLittle(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"short": 10, "of 1 KiB": 1 << 10, "of 100 KiB": 100 << 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			router, endpoint := startRouter(t, "tcp://127.0.0.1:*")
			k := startIntake(t, "--connect", endpoint, "--heartbeat", "0")
			c := dialRelp(t, k.port)
			c.confirmed(t, c.post(t, "first"), 1)
			router.signal(t, syscall.SIGSTOP)
			var batch []byte
			for n := range max(1, 100_000/size) {
				batch = relp.AppendFrame(batch, n+2, "syslog", slices.Repeat([]byte("x"), size))
			}
			var written atomic.Int64
			for _, c := range []*relpClient{dialRelp(t, k.port), dialRelp(t, k.port), dialRelp(t, k.port)} {
				go func() {
					for {
						if _, err := c.Write(batch); err != nil {
							return
						}
						written.Add(int64(len(batch)))
					}
				}()
			}
			still, before := 0, int64(-1)
			eventually(t, patience, "omzmq reads nothing more", func() bool {
				still++
				if now := written.Load(); now != before {
					still, before = 0, now
				}
				return still > 100
			})
			peak := peakKiB(t, k.pid())
			t.Logf("%d KiB written, peak %d KiB", before>>10, peak)
			if peak > 64<<10 {
				t.Errorf("omzmq has had %d KiB", peak)
			}
			k.kill()
		})
	}
}
