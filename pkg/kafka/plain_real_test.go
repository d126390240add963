package kafka_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// tryUntilLogged tries to store a message, gives up when the log has a reason, and returns the fate and Store's error.
func tryUntilLogged(t *testing.T, w *kafka.Writer, log *journal) (string, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	type result struct {
		fates []string
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		fates, err := try(ctx, t, w, numbered(alice, 1, 2))
		ended <- result{fates, err}
	}()
	eventually(t, "a reason", func() bool { return log.has("senders wait") || log.has("are refused") })
	cancel()
	r := <-ended
	return r.fates[0], r.err
}

// says wants a writer to log a reason, and Check to return it.
func says(t *testing.T, servers, where, want string, change func(*kafka.Config)) {
	t.Helper()
	w, log := writer(t, servers, where, change)
	fate, err := tryUntilLogged(t, w, log)
	if fate == "" && (err == nil || !strings.Contains(err.Error(), want)) || fate != "" && !strings.Contains(fate, want) {
		t.Errorf("%s%s: %v, %q, want %q", servers, where, err, fate, want)
	}
	log.wants(t, want)
	c, _ := config(t, servers, where, change)
	if err := kafka.Check(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Check: %v, want %q", err, want)
	}
}

func tlsToPlain(t *testing.T, c *shared) {
	says(t, "kafka+tls://"+c.Bootstrap(), "/logs", "write kafka:// for", nil)
	says(t, "kafka+tls://"+c.Bootstrap(), "/logs?once=true", "write kafka:// for", nil)
}

func saslToPlain(t *testing.T, c *shared) {
	password := func(c *kafka.Config) { c.Password = secret }
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-512"} {
		says(t, "kafka://alice@"+c.Bootstrap(), "/logs?sasl="+mechanism, "it wants no SASL on this port", password)
	}
}

// Brokers are found by the names of DNS, and by the members that a name has.
func names(t *testing.T, c *shared) {
	c.create("names", nil)
	_, port, err := net.SplitHostPort(c.Bootstrap())
	if err != nil {
		t.Fatal(err)
	}
	for i, server := range []string{"localhost:" + port, "dns+localhost:" + port, "127.0.0.1:1," + c.Bootstrap()} {
		w, _ := writer(t, server, "/names", nil)
		each(t, store(t, w, numbered(alice, i, i+1)...), "ok")
	}
	c.wants(t, "names", texts(0, 3)...)
}

// Nothing to connect to.
func TestNoBroker(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"127.0.0.1:1": "connection refused", "no-such-host.invalid": "no-such-host.invalid", "dns+no-such-host.invalid:1": "no-such-host.invalid",
		"srv+_kafka._tcp.no-such-host.invalid": "no-such-host.invalid", "127.0.0.1:1,127.0.0.1:2": "connection refused",
	} {
		for _, where := range []string{"/logs", "/logs?once=true"} {
			t.Run(server+where, func(t *testing.T) {
				t.Parallel()
				says(t, server, where, want, nil)
				says(t, server, where, "no broker can be reached", nil)
			})
		}
	}
}

// A quota slows the writer down, which is logged when it lasts.
func quota(t *testing.T, c *shared) {
	c.create("quota", nil)
	cfg, log := config(t, c.Bootstrap(), "/quota?compression=none", nil)
	w := newWriter(t, cfg)
	defer closeWriter(t, w)
	c.Quota("imzmq", 1000)
	defer c.Quota("imzmq", 0)
	stop, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		stored := 0
		for stop.Err() == nil {
			fates, _ := try(stop, t, w, []message.Message{{Payload: make([]byte, 30_000)}})
			if fates[0] == "ok" {
				stored++
			} else if fates[0] != "" {
				t.Error(fates[0])
			}
		}
		ended <- stored
	}()
	eventually(t, "the reason", func() bool { return log.has("a quota of the brokers slows imzmq down") })
	cancel()
	if stored, got := <-ended, len(c.values("quota")); got < stored {
		t.Errorf("%d messages are stored, %d are there", stored, got)
	}
}

// forward passes connections on to a server, from an address that it returns.
func forward(t *testing.T, from, to string) string {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			pass := func(to, from net.Conn) {
				io.Copy(to, from) //nolint:errcheck // an end is an end
				near.Close()
				far.Close()
			}
			go pass(near, far)
			go pass(far, near)
		}
	}()
	return listener.Addr().String()
}
