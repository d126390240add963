package main

import (
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

// The keys of bench/reference/curve.h.
const (
	serverSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
	clientSecret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
)

func key(secret string) curve.KeyPair {
	pair, err := curve.ParseSecret(secret)
	if err != nil {
		panic(err) // a constant is wrong
	}
	return pair
}

func server() curve.KeyPair { return key(serverSecret) }

func client() *zmq.Curve {
	return &zmq.Curve{Own: key(clientSecret), Servers: []curve.Named{{Key: server().Public}}}
}

// anybody lets every client in, as libzmq does without an authenticator.
type anybody struct{}

func (anybody) Admit(curve.Key) (name string, ok bool) { return "", true }
