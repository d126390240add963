package zmq_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

// Keys of a client and of a server.
const (
	clientPublic = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
	clientSecret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
	serverPublic = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
	serverSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
)

func secret(t testing.TB, text string) curve.KeyPair {
	t.Helper()
	pair, err := curve.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func public(t testing.TB, text string) curve.Key {
	t.Helper()
	key, err := curve.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// admitted lets in those that have a name.
type admitted map[curve.Key]string

func (a admitted) Admit(key curve.Key) (name string, ok bool) {
	name, ok = a[key]
	return name, ok
}

func curveServer(t testing.TB) zmq.Security {
	return zmq.Security{Curve: &zmq.Curve{Own: secret(t, serverSecret), Clients: admitted{public(t, clientPublic): "them"}}}
}

func curveClient(t testing.TB) zmq.Security {
	return zmq.Security{Curve: &zmq.Curve{Own: secret(t, clientSecret),
		Servers: []curve.Named{{Key: public(t, serverPublic), Name: "them"}}}}
}

func plain() zmq.Security {
	return zmq.Security{Plain: &zmq.Plain{User: "them", Password: func() (string, error) { return "secret", nil }}}
}

// guards are the ways to be safe: our end of each, and the options of libzmq's, depending on whether we bind.
var guards = map[string]struct {
	ours   func(testing.TB) zmq.Security
	theirs func(bind bool) options
}{
	"CURVE server": {curveServer, func(bool) options {
		return options{"CURVE_SERVERKEY": serverPublic, "CURVE_PUBLICKEY": clientPublic, "CURVE_SECRETKEY": clientSecret}
	}},
	"CURVE client": {curveClient, func(bool) options {
		return options{"CURVE_SERVER": 1, "CURVE_PUBLICKEY": serverPublic, "CURVE_SECRETKEY": serverSecret}
	}},
	"PLAIN": {func(testing.TB) zmq.Security { return plain() }, func(bind bool) options {
		if bind {
			return options{"PLAIN_USERNAME": "them", "PLAIN_PASSWORD": "secret"}
		}
		return options{"PLAIN_SERVER": 1}
	}},
}

// Every pairing with libzmq's sockets, in both roles, with either end binding.
func TestSecurePairings(t *testing.T) {
	t.Parallel()
	curves, passwords := libzmq(t), libzmq(t) // an authenticator of libzmq's judges every socket of its process
	passwords.ask(request{Op: "passwords", Users: map[string]string{"them": "secret"}})
	for name, guard := range guards {
		p := curves
		if name == "PLAIN" {
			p = passwords
		}
		for _, pairing := range pairings {
			for _, bind := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %s %s %v", name, pairing.own, pairing.their, bind), func(t *testing.T) {
					at := "tcp://127.0.0.1:*"
					if pairing.own == zmq.Push {
						at = "ipc://" + filepath.Join(t.TempDir(), "s")
					}
					p.t = t
					o := maps.Clone(guard.theirs(bind))
					o["HEARTBEAT_IVL"], o["HEARTBEAT_TIMEOUT"] = 20, 30_000 // PINGs pass, and none is late
					peer := p.pair(pairing.own, pairing.their, at, bind, pairing.toThem, pairing.toUs, guard.ours(t), o)
					if user := peer.User(); user != "them" && (name != "PLAIN" || bind) {
						t.Errorf("the peer is %q", user)
					}
				})
			}
		}
	}
}
