package zmq

import (
	"bytes"
	"slices"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// What nobody may read on the wire.
const (
	secretTopic    = "payroll."
	secretBody     = "somebody's salary"
	secretIdentity = "the-cellar"
)

// secrets are the words that no capture may have.
func (b both) secrets() map[string]string {
	return map[string]string{
		"a topic": secretTopic, "a body": secretBody, "an identity": secretIdentity, "metadata": "Socket-Type",
		"an identity's name": "Identity", "PING": "\x04PING", "PONG": "\x04PONG",
		"SUBSCRIBE": "\x09SUBSCRIBE", "CANCEL": "\x06CANCEL", "who the client is": string(b.client.Public[:]),
		"who the server is": string(b.server.Public[:]), "the client's Z85": b.client.Public.String(),
	}
}

// exchange is a connection on which everything is said that its types can say. It returns who listens to it, and those
// of its ends that are ours.
type exchange func(t *testing.T, server, client func(Config) Config) (*middle, []*Socket)

func pushAndPull(t *testing.T, server, client func(Config) Config) (*middle, []*Socket) {
	pull, at := bound(t, server(Config{Type: Pull}))
	m := between(t, at, fromClient, nil)
	push := connected(t, client(Config{Type: Push}), m.at)
	if err := push.Send(soon(t), []byte(secretTopic), []byte(secretBody)); err != nil {
		t.Fatal(err)
	}
	receiveOne(t, pull)
	return m, []*Socket{pull, push}
}

func publishAndSubscribe(t *testing.T, server, client func(Config) Config) (*middle, []*Socket) {
	pub, at := bound(t, server(Config{Type: XPub}))
	m := between(t, at, fromClient, nil)
	sub := connected(t, client(Config{Type: XSub, Subscribe: []string{secretTopic}}), m.at)
	subscribed(t, pub, secretTopic, true)
	pub.Publish([]byte(secretTopic), []byte(secretBody))
	pub.Flush()
	receiveOne(t, sub)
	sub.Unsubscribe([]byte(secretTopic))
	subscribed(t, pub, secretTopic, false)
	return m, []*Socket{pub, sub}
}

func dealAndRoute(t *testing.T, server, client func(Config) Config) (*middle, []*Socket) {
	router, at := bound(t, server(Config{Type: Router, Identity: []byte(secretIdentity),
		OnReceive: func(batch *Batch) {
			batch.Peer().Send(batch.Frames(0)...)
			batch.Release()
		}}))
	m := between(t, at, fromClient, nil)
	dealer := connected(t, client(Config{Type: Dealer, Identity: []byte(secretIdentity)}), m.at)
	if err := dealer.Send(soon(t), []byte(secretTopic), []byte(secretBody)); err != nil {
		t.Fatal(err)
	}
	receiveOne(t, dealer)
	if got := string(peer(router, 0).Identity()); got != secretIdentity {
		t.Errorf("identity %q", got)
	}
	return m, []*Socket{router, dealer}
}

// theirs is an exchange with a socket of libzmq.
func (b both) theirs(run func(*testing.T, *zmqtest.Process, both) (*middle, []*Socket)) exchange {
	return func(t *testing.T, _, _ func(Config) Config) (*middle, []*Socket) { return run(t, zmqtest.Start(t), b) }
}

func theirSub(t *testing.T, libzmq *zmqtest.Process, b both) (*middle, []*Socket) {
	pub, at := bound(t, b.asServer(Config{Type: XPub}))
	m := between(t, at, fromClient, nil)
	sub := libzmq.Connect("SUB", m.at, b.theirClient()).Subscribe(secretTopic)
	subscribed(t, pub, secretTopic, true)
	pub.Publish([]byte(secretTopic), []byte(secretBody))
	pub.Flush()
	sub.Expect(secretTopic + "|" + secretBody)
	sub.Unsubscribe(secretTopic)
	subscribed(t, pub, secretTopic, false)
	return m, []*Socket{pub}
}

func theirPub(t *testing.T, libzmq *zmqtest.Process, b both) (*middle, []*Socket) {
	pub := libzmq.Bind("XPUB", zmqtest.Loopback, b.theirServer())
	m := between(t, pub.Endpoint, fromClient, nil)
	sub := connected(t, b.asClient(Config{Type: Sub, Subscribe: []string{secretTopic}}), m.at)
	pub.Expect("\x01" + secretTopic)
	pub.Send(secretTopic + "|" + secretBody)
	receiveOne(t, sub)
	return m, []*Socket{sub}
}

func theirDealer(t *testing.T, libzmq *zmqtest.Process, b both) (*middle, []*Socket) {
	router, at := bound(t, b.asServer(Config{Type: Router}))
	m := between(t, at, fromClient, nil)
	o := b.theirClient()
	o["ROUTING_ID"] = secretIdentity
	libzmq.Connect("DEALER", m.at, o).Send(secretTopic + "|" + secretBody)
	receiveOne(t, router)
	if got := string(peer(router, 0).Identity()); got != secretIdentity {
		t.Errorf("identity %q", got)
	}
	return m, []*Socket{router}
}

// What passes between the ends holds nothing that is said: no body, no topic, no identity, no subscription, no command,
// and not who the client is.
func TestCaptureHoldsNoPlaintext(t *testing.T) {
	b := newBoth(t)
	for name, run := range map[string]exchange{
		"PUSH and PULL": pushAndPull, "PUB and SUB": publishAndSubscribe, "DEALER and ROUTER": dealAndRoute,
		"libzmq's SUB": b.theirs(theirSub), "libzmq's XPUB": b.theirs(theirPub), "libzmq's DEALER": b.theirs(theirDealer),
	} {
		t.Run(name, func(t *testing.T) {
			m, ours := run(t, b.asServer, b.asClient)
			m.beat(t, ours)
			if found := b.found(m); len(found) > 0 {
				t.Errorf("in what has passed there is %q", found)
			}
		})
	}
}

// The same search finds in clear all that is said there.
func TestCaptureInClear(t *testing.T) {
	b := newBoth(t)
	inClear := func(cfg Config) Config { return cfg }
	finds := map[string]exchange{"SUBSCRIBE": publishAndSubscribe, "CANCEL": publishAndSubscribe, "a topic": publishAndSubscribe,
		"a body": pushAndPull, "an identity": dealAndRoute, "an identity's name": dealAndRoute, "metadata": dealAndRoute,
		"PING": pushAndPull, "PONG": pushAndPull}
	for what, run := range finds {
		m, ours := run(t, inClear, inClear)
		m.beat(t, ours)
		eventually(t, what, func() bool { return slices.Contains(b.found(m), what) })
	}
}

// beat lets each of our sockets send its peer a PING, and waits for the answers.
func (m *middle) beat(t *testing.T, ours []*Socket) {
	t.Helper()
	said := func() int { return len(m.frames(fromClient)) + len(m.frames(fromServer)) }
	before := said()
	for _, s := range ours {
		peer(s, 0).outbox.command(zmtp.AppendPing(nil))
	}
	eventually(t, "PONG", func() bool { return said() >= before+2*len(ours) })
}

// found returns which of the secrets have passed.
func (b both) found(m *middle) (found []string) {
	for what, secret := range b.secrets() {
		if bytes.Contains(m.passed(fromClient), []byte(secret)) || bytes.Contains(m.passed(fromServer), []byte(secret)) {
			found = append(found, what)
		}
	}
	return found
}
