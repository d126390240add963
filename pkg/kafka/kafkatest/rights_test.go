package kafkatest_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
)

// send stores one record as a client with these options.
func send(t *testing.T, c *kafkatest.Cluster, options ...kgo.Opt) error {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(c.Addrs()...), kgo.DefaultProduceTopic("logs"),
		kgo.RecordDeliveryTimeout(20*time.Second), kgo.DisableIdempotentWrite())...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		return err
	}
	return client.ProduceSync(ctx, &kgo.Record{Value: incompressible(1000)}).FirstErr()
}

func incompressible(size int) []byte {
	value := make([]byte, size)
	rand.Read(value)
	return value
}

// trust returns TLS with the cluster's authority, and with a certificate of an authority if from is not nil.
func trust(t *testing.T, c *kafkatest.Cluster, from *kafkatest.Authority, name string) kgo.Opt {
	t.Helper()
	text, err := os.ReadFile(c.Authority().CA)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(text)
	if from != nil {
		pair, err := tls.LoadX509KeyPair(from.Issue(name))
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return kgo.DialTLSConfig(config)
}

func TestUsers(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Config{
		TLS: true, Users: map[string]string{"alice": `a"b\c`, "bob": "b"},
		Advertise: func(_ int, addr string) string { return strings.Replace(addr, "127.0.0.1", "localhost", 1) },
	})
	if !strings.HasPrefix(c.Bootstrap(), "localhost:") {
		t.Errorf("clients are sent to %s", c.Bootstrap())
	}
	c.CreateTopic("logs", 1, 1, nil)
	var sent int
	for _, user := range []struct{ name, password, wrong string }{{"alice", `a"b\c`, "b"}, {"bob", "b", ""}} {
		mechanisms := func(password string, end time.Time) []sasl.Mechanism {
			return []sasl.Mechanism{
				plain.Auth{User: user.name, Pass: password}.AsMechanism(),
				scram.Auth{User: user.name, Pass: password}.AsSha256Mechanism(),
				scram.Auth{User: user.name, Pass: password}.AsSha512Mechanism(),
				oauth.Auth{Token: kafkatest.Token(user.name, end)}.AsMechanism(),
			}
		}
		for _, m := range mechanisms(user.password, time.Now().Add(time.Hour)) {
			if err := send(t, c, trust(t, c, nil, ""), kgo.SASL(m)); err != nil {
				t.Errorf("%s, %s: %v", m.Name(), user.name, err)
			}
			sent++
		}
		for _, m := range mechanisms("wrong", time.Now().Add(-time.Hour)) {
			if err := send(t, c, trust(t, c, nil, ""), kgo.SASL(m)); err == nil {
				t.Errorf("%s accepts a wrong secret of %s", m.Name(), user.name)
			}
		}
	}
	if got := len(c.Read("logs", true)); got != sent {
		t.Errorf("%d records, want %d", got, sent)
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Config{ClientCertificates: true, ACL: true})
	c.CreateTopic("logs", 1, 1, nil)
	alice := trust(t, c, c.Authority(), "alice")
	if err := send(t, c, alice); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("without rights: %v", err)
	}
	c.Allow("CN=alice", kadm.NewACLs().Topics("logs").Operations(kadm.OpWrite, kadm.OpDescribe))
	if err := send(t, c, alice); err != nil {
		t.Errorf("with rights: %v", err)
	}
	if err := send(t, c, trust(t, c, c.Authority(), "bob")); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("another's rights: %v", err)
	}
	c.ForbidAll("CN=alice")
	if err := send(t, c, alice); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("rights taken away: %v", err)
	}
	if err := send(t, c, trust(t, c, nil, "")); err == nil {
		t.Error("a client without a certificate is accepted")
	}
	if err := send(t, c, trust(t, c, kafkatest.NewAuthority(t), "alice")); err == nil {
		t.Error("a client of another authority is accepted")
	}
}
