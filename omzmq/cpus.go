package main

import (
	"os"
	"runtime"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// restrain has the program run on no more CPUs at once than cpus says.
func (p *process) restrain() {
	encrypted := p.o.Socket(p.o.socketType, p.logger).Security.Curve != nil
	available := runtime.GOMAXPROCS(0)
	if n := p.o.cpus(available, encrypted); n < available {
		runtime.GOMAXPROCS(n)
	}
}

// cpus returns on how many of the available CPUs the program runs at once. It is half of them: rsyslogd, which is on
// this host and bounds the rate, needs the others. On two CPUs, waking up a second thread for each part of a message's
// way cost more CPU time than all parts gained, up to a fifth over RELP and a quarter under omprog (bench/run -rows
// relp,omprog-free). It is all of them where the messages themselves cost more than that: CURVE seals them, and a
// publisher writes each to many. GOMAXPROCS in the environment stays in force.
func (o *options) cpus(available int, encrypted bool) int {
	if os.Getenv("GOMAXPROCS") != "" || encrypted || o.socketType == zmq.Pub {
		return available
	}
	return max(1, available/2)
}
