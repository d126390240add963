package integration

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func knob(name string, or int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return or
}

func TestRelpMeasureKills(t *testing.T) {
	messages, kills := knob("MSGS", 100000), knob("KILLS", 8)
	longest := knob("LONGEST", 400)
	l := lines{seed: 64, longest: longest}
	imzmq := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	flags := []string{"--connect", "tcp://127.0.0.1:" + imzmq.boundPort(t)}
	if os.Getenv("JOURNAL") != "" {
		flags = append(flags, "--journal", folder(t)+"/journal")
	}
	k := startIntake(t, flags...)
	port := k.port
	var hop *proxy
	if os.Getenv("PROXY") != "" {
		hop = startProxy(t, k.port)
		hop.relp = true
		port = hop.address()[strings.LastIndex(hop.address(), ":")+1:]
	}
	from := startRsyslogd(t, preamble+wayIn+toRelp(port, memoryQueue+` windowSize="`+strconv.Itoa(knob("WINDOW", 128))+`"`))
	fed := from.feedMeanwhile(t, l, 0, messages)
	arrived := l.account("", messages)
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for range kills {
		before := arrived.arrived
		eventually(t, patience, "more arrives", func() bool { return imzmq.has(arrived, min(before+500, messages)) })
		<-time.After(time.Duration(random.IntN(100)) * time.Millisecond)
		if os.Getenv("CUT") != "" {
			hop.cut(random.IntN(2) == 0)
			continue
		}
		if os.Getenv("TERM") != "" {
			k.stop(t)
		} else {
			k.kill()
		}
		k.again(t)
	}
	t.Logf("%d arrived during the kills", arrived.arrived)
	eventually(t, patience, "every message arrives", func() bool { return imzmq.has(arrived, messages) })
	fed()
	from.stop(t)
	k.stop(t)
	imzmq.stop(t)
	for _, line := range imzmq.rest(t) {
		arrived.add([]byte(line))
	}
	at := []int{}
	for n, times := range arrived.seen {
		if times > 1 {
			at = append(at, n)
		}
	}
	runs := []string{}
	for i := 0; i < len(at); {
		j := i
		for j+1 < len(at) && at[j+1] == at[j]+1 {
			j++
		}
		runs = append(runs, strconv.Itoa(at[i])+"+"+strconv.Itoa(j-i+1))
		i = j + 1
	}
	t.Logf("REPEATED %d: %v", len(at), runs)
	arrived.settle(t, true)
}
