package integration

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"
)

// omrelp and omzmq --relp in the place of omprog's omzmq. rsyslogd does not start this one again; the test does.

func (c *chaos) startIntake() {
	c.intake = startIntake(c.t, append(strings.Fields(c.sendingFlags()), "--journal", folder(c.t)+"/journal")...)
	c.hop = startProxy(c.t, c.intake.port)
	c.hop.relp = true
}

// endIntake kills omzmq, or tells it to stop, and has it started again after its end.
func (c *chaos) endIntake(r *rand.Rand) bool {
	down, kills := between(r, time.Millisecond, 300*time.Millisecond), r.IntN(3) > 0
	if c.ending || c.halted[c.intake.pid()] != "" {
		return false
	}
	c.ending = true
	if kills {
		c.intake.kill()
	} else {
		c.intake.signal(c.t, syscall.SIGTERM)
	}
	c.happen["omzmq"]++
	c.later(down, c.raiseIntake)
	return true
}

func (c *chaos) raiseIntake() {
	if c.intake.running() {
		c.later(20*time.Millisecond, c.raiseIntake)
		return
	}
	c.intake.again(c.t)
	c.ending = false
}

// sendingFlags are those of every omzmq that sends.
func (c *chaos) sendingFlags() string {
	flags := fmt.Sprintf("--heartbeat %s --reconnect-max 300ms --send-timeout 2s --linger 2s", c.heartbeat())
	for _, p := range c.posts {
		flags += " --connect " + p.proxy.endpoint()
	}
	return flags
}
