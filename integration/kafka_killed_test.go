package integration

import (
	"math/rand/v2"
	"testing"
	"time"
)

// rsyslogd's messages go through omzmq and two imzmq into Kafka, each once, while every program except rsyslogd is
// killed again and again, leaders move, and each imzmq is frozen for longer than the others wait for it.
func TestKafkaKilledOnce(t *testing.T) {
	t.Parallel()
	p := startKafkaPath(t, *kafkaMessages, "?once=true&transaction-timeout=10s")
	p.disturb()
	p.plot("imzmq frozen", 1, p.freezeImzmq(29*time.Second, 31*time.Second))
	p.run(time.Duration(p.messages/200)*time.Second+3*time.Minute, false)
}

// The same without once: nothing is lost.
func TestKafkaKilled(t *testing.T) {
	t.Parallel()
	p := startKafkaPath(t, *kafkaMessages/2, "")
	p.disturb()
	p.run(time.Duration(p.messages/200)*time.Second+3*time.Minute, true)
}

// disturb plans faults of all kinds.
func (p *kafkaPath) disturb() {
	p.plot("omzmq killed", *kafkaFaults, func(r *rand.Rand) bool { return p.from.killOmzmq(p.t, r) })
	p.plot("imzmq killed", *kafkaFaults, p.killImzmq)
	p.plot("broker killed", *kafkaFaults, p.killBroker)
	p.plot("leader moved", *kafkaFaults, p.moveLeader)
}
