package integration

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
)

// relpWindow makes omrelp's window larger than a batch. librelp corks the connection during a batch: with a smaller
// window it waits for answers to messages that the kernel still holds, 200 ms each time.
const relpWindow = ` windowSize="1000"`

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

// settle stops everything in order and settles the account.
func (p *relpPath) settle(t *testing.T, repeats bool) {
	t.Helper()
	p.from.stop(t)
	p.omzmq.stop(t)
	p.imzmq.stop(t)
	for _, line := range p.imzmq.rest(t) {
		p.arrived.add([]byte(line))
	}
	p.arrived.settle(t, repeats)
}

func (p *proxy) port() string { return p.address()[strings.LastIndexByte(p.address(), ':')+1:] }

// omzmq is killed again and again. Nothing is lost, and with a journal nothing is stored twice: over loopback omrelp
// reads every answer that was written.
func TestRelpIntakeKilled(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"without journal": nil, "with journal": {"--journal", "[dir]"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if flags != nil {
				flags = []string{"--journal", folder(t) + "/journal"}
			}
			p := startRelpPath(t, 20_000, flags...)
			p.runs(t, p.omzmq.port, 3, func(*rand.Rand) {
				p.omzmq.kill()
				p.omzmq.again(t)
			})
			p.settle(t, flags == nil)
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
	p.settle(t, false)
}

// Connections are cut, stand still and are cut then, before and after omzmq. Nothing is lost. Between omzmq and imzmq a
// cut costs no repeat. Between omrelp and omzmq it costs the answers that are lost with it.
func TestRelpIntakeCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hop     func(p *relpPath) *proxy
		repeats bool
	}{
		"omrelp to omzmq": {func(p *relpPath) *proxy { return p.hop }, true},
		"omzmq to imzmq":  {func(p *relpPath) *proxy { return p.onward }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startRelpPath(t, 20_000)
			hop := c.hop(p)
			n := 0
			p.runs(t, p.hop.port(), 5, func(r *rand.Rand) {
				if n++; n%2 == 0 {
					hop.stall()
					<-time.After(time.Duration(r.IntN(100)) * time.Millisecond)
					defer hop.resume()
				}
				hop.cut(r.IntN(2) == 0)
			})
			p.settle(t, c.repeats)
		})
	}
}

// imzmq stands still for longer than --send-timeout: the session ends, what it had brought comes again over another
// one, and is stored once.
func TestRelpIntakeTimesOut(t *testing.T) {
	t.Parallel()
	p := startRelpPath(t, 20_000, "--send-timeout", "300ms", "--heartbeat", "0")
	p.runs(t, p.omzmq.port, 2, func(*rand.Rand) {
		p.imzmq.signal(t, syscall.SIGSTOP)
		before := strings.Count(p.omzmq.words.String(), "session ended")
		eventually(t, patience, "the session ends", func() bool {
			return strings.Count(p.omzmq.words.String(), "session ended") > before
		})
		p.imzmq.signal(t, syscall.SIGCONT)
	})
	p.settle(t, false)
}
