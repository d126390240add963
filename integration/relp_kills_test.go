package integration

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
)

// relpWindow makes omrelp's window larger than a batch. librelp corks the connection during a batch. omzmq asks for
// small segments because of that, a proxy does not: with a smaller window, omrelp would wait there for answers to
// messages that its kernel still holds, 200 ms each time.
const (
	window     = 1000
	relpWindow = ` windowSize="1000"`
)

// relpPath leads from a real omrelp to imzmq, which prints what it stores. hop is between omrelp and omzmq.
type relpPath struct {
	lines
	sent    int
	from    *rsyslogd
	hop     *proxy
	omzmq   *intake
	onward  *proxy // between omzmq and imzmq
	imzmq   *receiver
	arrived *account
}

func startRelpPath(t *testing.T, messages int, flags ...string) *relpPath {
	t.Helper()
	p := &relpPath{lines: lines{seed: rand.Uint64(), longest: 300}, sent: messages}
	t.Logf("seed %d", p.seed)
	p.imzmq = startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	p.onward = startProxy(t, p.imzmq.boundPort(t))
	p.omzmq = startIntake(t, append([]string{"--connect", p.onward.endpoint(), "--reconnect", "10ms", "--reconnect-max", "100ms"}, flags...)...)
	p.hop = startProxy(t, p.omzmq.port)
	p.hop.relp = true
	p.arrived = p.account("", messages)
	return p
}

// runs feeds all lines and lets strike happen that often, each time after more has arrived.
func (p *relpPath) runs(t *testing.T, port string, times int, strike func(r *rand.Rand)) {
	t.Helper()
	random := rand.New(rand.NewPCG(p.seed, 1))
	p.from = startRsyslogd(t, preamble+wayIn+toRelp(port, memoryQueue+relpWindow))
	each := p.sent / (times + 1)
	for i := range times {
		fed := p.from.feedMeanwhile(t, p.lines, i*each, (i+1)*each)
		some := i*each + random.IntN(each*3/4)
		eventually(t, patience, "more arrives", func() bool { return p.imzmq.has(p.arrived, some) })
		strike(random)
		fed()
	}
	p.from.feed(t, p.lines, times*each, p.sent)
	eventually(t, patience, "every message arrives", func() bool { return p.imzmq.has(p.arrived, p.sent) })
}

// settle stops everything in order and settles the account, in which that many lines may be there twice. After a batch
// that it could not begin, rsyslog 8.2302 sends the first message twice by itself.
func (p *relpPath) settle(t *testing.T, most int) {
	t.Helper()
	p.from.stop(t)
	p.omzmq.stop(t)
	p.imzmq.stop(t)
	for _, line := range p.imzmq.rest(t) {
		p.arrived.add([]byte(line))
	}
	p.arrived.settle(t, true)
	repeats := 0
	for _, times := range p.arrived.seen {
		repeats += max(0, times-1)
	}
	if repeats > most {
		t.Errorf("%d lines are repeated, want at most %d", repeats, most)
	}
}

func (p *proxy) port() string { return p.address()[strings.LastIndexByte(p.address(), ':')+1:] }

// omzmq is killed again and again. Nothing is lost, and with a journal nothing is stored twice: over loopback omrelp
// reads every answer that was written.
func TestRelpIntakeKilled(t *testing.T) {
	t.Parallel()
	const kills = 3
	for name, flags := range map[string][]string{"without journal": nil, "with journal": {"--journal", "[dir]"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if flags != nil {
				flags = []string{"--journal", folder(t) + "/journal"}
			}
			most := kills
			if flags == nil {
				most = kills * (window + 1) // and what was stored and not answered
			}
			p := startRelpPath(t, 20_000, flags...)
			p.runs(t, p.omzmq.port, kills, func(*rand.Rand) {
				p.omzmq.kill()
				p.omzmq.again(t)
			})
			p.settle(t, most)
		})
	}
}

// omzmq is stopped under load and started again.
func TestRelpIntakeStopped(t *testing.T) {
	t.Parallel()
	p := startRelpPath(t, 20_000)
	p.runs(t, p.omzmq.port, 3, func(*rand.Rand) {
		p.omzmq.stop(t)
		p.omzmq.again(t)
	})
	p.settle(t, 3)
}

// Connections are cut, stand still and are cut then, before and after omzmq. Nothing is lost. Between omzmq and imzmq a
// cut costs no repeat. Between omrelp and omzmq it costs the answers that are lost with it.
func TestRelpIntakeCut(t *testing.T) {
	t.Parallel()
	const cuts = 5
	for name, c := range map[string]struct {
		hop  func(p *relpPath) *proxy
		most int // repeats
	}{
		"omrelp to omzmq": {func(p *relpPath) *proxy { return p.hop }, cuts * (window + 1)},
		"omzmq to imzmq":  {func(p *relpPath) *proxy { return p.onward }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startRelpPath(t, 20_000)
			hop := c.hop(p)
			n := 0
			p.runs(t, p.hop.port(), cuts, func(r *rand.Rand) {
				if n++; n%2 == 0 {
					hop.stall()
					<-time.After(time.Duration(r.IntN(100)) * time.Millisecond)
					defer hop.resume()
				}
				hop.cut(r.IntN(2) == 0)
			})
			p.settle(t, c.most)
		})
	}
}

// imzmq stands still for longer than --send-timeout: the session ends, what it had brought comes again over another
// one, and is stored once.
func TestRelpIntakeTimesOut(t *testing.T) {
	t.Parallel()
	p := startRelpPath(t, 3000, "--send-timeout", "300ms", "--heartbeat", "0")
	p.from = startRsyslogd(t, preamble+wayIn+toRelp(p.omzmq.port, memoryQueue+relpWindow))
	for n := 0; n < 2000; n += 1000 {
		p.imzmq.signal(t, syscall.SIGSTOP)
		before := strings.Count(p.omzmq.words.String(), "session ended")
		p.from.feed(t, p.lines, n, n+1000)
		eventually(t, patience, "the session ends", func() bool {
			return strings.Count(p.omzmq.words.String(), "session ended") > before
		})
		p.imzmq.signal(t, syscall.SIGCONT)
	}
	p.from.feed(t, p.lines, 2000, 3000)
	eventually(t, patience, "every message arrives", func() bool { return p.imzmq.has(p.arrived, 3000) })
	p.settle(t, 4)
}
