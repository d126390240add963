package listen

import (
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Gate bounds how many connections a program has at once. All its listeners share it.
//
// When no more fit, a newcomer takes the place of a stranger: a connection on which nothing of use has arrived yet.
// Of the strangers, one of the host with the most connections goes, the one that has been idle for longest. Without a
// stranger, one that is idle for a minute goes, if its host has more connections than the newcomer's will have. A
// connection that is held never goes. If none can go, the newcomer is refused.
//
// A nil Gate admits everyone.
type Gate struct {
	limit  int
	advice string
	logger *slog.Logger
	start  time.Time

	mu             sync.Mutex
	guests         map[*Guest]bool
	hosts          map[string]int // guests by host
	own            int
	ended, refused int // since the last line in the log
	next           time.Time
}

// idle is how long nothing has come from a connection that goes although it is no stranger's.
const idle = time.Minute

// logInterval is how often at most the log tells that there is no room.
const logInterval = 10 * time.Second

// NewGate returns a gate for limit connections. advice says what limits them, and what to do.
func NewGate(limit int, advice string, logger *slog.Logger) *Gate {
	return &Gate{limit: limit, advice: advice, logger: logger, start: time.Now(),
		guests: make(map[*Guest]bool), hosts: make(map[string]int)}
}

// Guest is an accepted connection. A nil Guest is one that no gate has admitted. Its methods may be called from any
// goroutine.
type Guest struct {
	gate   *Gate
	conn   net.Conn
	host   string
	rank   atomic.Int32
	active atomic.Int64 // when something arrived, or was taken, last: nanoseconds since the gate's start
	reason error        // why it was ended; Gate.mu guards it
}

// The ranks of guests.
const (
	stranger = iota
	known
	held
)

// Admit admits a connection, or returns an error, which says why not. The caller calls Leave when it has closed the
// connection. The gate may close it before.
func (g *Gate) Admit(conn net.Conn) (*Guest, error) {
	if g == nil {
		return nil, nil
	}
	newcomer := &Guest{gate: g, conn: conn, host: host(conn.RemoteAddr())}
	newcomer.Touch()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.guests)+g.own >= g.limit && !g.makeRoom(newcomer.host) {
		g.refused++
		g.log()
		return nil, fmt.Errorf("all %d connections are in use: %s", g.limit, g.advice)
	}
	g.guests[newcomer] = true
	g.hosts[newcomer.host]++
	return newcomer, nil
}

// Own counts n more connections, or fewer, that the program has dialled. They take up room and always have it.
func (g *Gate) Own(n int) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.own += n
}

// makeRoom ends a connection for a newcomer from a host, if one can go. The caller holds mu.
func (g *Gate) makeRoom(newcomers string) bool {
	var goes *Guest
	for guest := range g.guests {
		if g.mayGo(guest, newcomers) && (goes == nil || g.before(guest, goes)) {
			goes = guest
		}
	}
	if goes == nil {
		return false
	}
	goes.reason = fmt.Errorf("idle, and a newcomer needed its place: all %d connections are in use: %s", g.limit, g.advice)
	g.remove(goes)
	goes.conn.Close()
	g.ended++
	g.log()
	return true
}

func (g *Gate) mayGo(guest *Guest, newcomers string) bool {
	switch guest.rank.Load() {
	case stranger:
		return true
	case known:
		return guest.idle() >= idle && g.hosts[guest.host] > g.hosts[newcomers]+1
	}
	return false
}

// before reports whether a goes rather than b.
func (g *Gate) before(a, b *Guest) bool {
	if x, y := a.rank.Load(), b.rank.Load(); x != y {
		return x < y
	}
	if x, y := g.hosts[a.host], g.hosts[b.host]; x != y {
		return x > y
	}
	return a.active.Load() < b.active.Load()
}

// remove takes a guest out. The caller holds mu.
func (g *Gate) remove(guest *Guest) {
	if !g.guests[guest] {
		return
	}
	delete(g.guests, guest)
	if g.hosts[guest.host]--; g.hosts[guest.host] == 0 {
		delete(g.hosts, guest.host)
	}
}

// log tells that there is no room. The caller holds mu.
func (g *Gate) log() {
	now := time.Now()
	if now.Before(g.next) {
		return
	}
	g.logger.Warn("all connections are in use: idle strangers are ended for newcomers, and others are refused",
		"connections", g.limit, "ended", g.ended, "refused", g.refused, "advice", g.advice)
	g.next, g.ended, g.refused = now.Add(logInterval), 0, 0
}

// Leave notes that the connection is closed.
func (guest *Guest) Leave() {
	if guest == nil {
		return
	}
	guest.gate.mu.Lock()
	defer guest.gate.mu.Unlock()
	guest.gate.remove(guest)
}

// Ended returns why the gate has closed the connection, or nil if it has not.
func (guest *Guest) Ended() error {
	if guest == nil {
		return nil
	}
	guest.gate.mu.Lock()
	defer guest.gate.mu.Unlock()
	return guest.reason
}

// Know notes that something of use has arrived: the guest is no stranger any more.
func (guest *Guest) Know() {
	if guest != nil {
		guest.rank.CompareAndSwap(stranger, known)
	}
}

// Hold keeps the gate from ending the connection.
func (guest *Guest) Hold() {
	if guest != nil {
		guest.rank.Store(held)
	}
}

// Touch notes that something has arrived or was taken.
func (guest *Guest) Touch() {
	if guest != nil {
		guest.active.Store(int64(time.Since(guest.gate.start)))
	}
}

func (guest *Guest) idle() time.Duration {
	return time.Since(guest.gate.start) - time.Duration(guest.active.Load())
}

// host returns what stands for a connection's host: its address, the network of an IPv6 host (64 bits, which a host
// may use all), or "" for Unix sockets.
func host(remote net.Addr) string {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return ""
	}
	address := tcp.AddrPort().Addr().Unmap()
	if address.Is4() {
		return address.String()
	}
	if network, err := address.WithZone("").Prefix(64); err == nil {
		return network.String()
	}
	return address.String()
}
