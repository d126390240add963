package kafka_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// guarded is a cluster that wants TLS, a client's certificate, a user, and rights.
type guarded struct {
	*shared
	servers   string
	cert, key string
}

// as returns a configuration with all that the cluster wants except the user.
func (g *guarded) as(change func(*kafka.Config)) func(*kafka.Config) {
	return func(c *kafka.Config) {
		c.CAFile, c.CertFile, c.KeyFile, c.Password = g.Authority().CA, g.cert, g.key, secret
		if change != nil {
			change(c)
		}
	}
}

func (g *guarded) to(user string) string {
	if user != "" {
		user += "@"
	}
	return "kafka+tls://" + user + g.servers
}

// A cluster that wants to know who connects.
func TestSecureBroker(t *testing.T) {
	t.Parallel()
	users := map[string]string{"alice": secret, "bob": secret, "carol": secret, "dave": secret}
	c := &shared{Cluster: kafkatest.Start(t, kafkatest.Config{ClientCertificates: true, Users: users, ACL: true,
		Advertise: func(_ int, addr string) string { return strings.Replace(addr, "127.0.0.1", "localhost", 1) }})}
	g := &guarded{shared: c, servers: c.Bootstrap()}
	g.cert, g.key = c.Authority().Issue("imzmq")
	c.create("logs", nil)
	all := func(user string, r *kadm.ACLBuilder) { c.Allow(user, r) }
	all("alice", kadm.NewACLs().Topics("logs", "imzmq-stored").Operations(kadm.OpAll))
	all("alice", kadm.NewACLs().TransactionalIDs("imzmq.").ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpAll))
	t.Run("Refuses", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *guarded){"Certificates": certificates, "Passwords": passwords,
			"Corrected": corrected, "Tokens": tokens, "Rights": rights, "RightsOnce": rightsOnce, "Undescribed": undescribed} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, g)
			})
		}
	})
}

func certificates(t *testing.T, g *guarded) {
	other := kafkatest.NewAuthority(t)
	otherCert, otherKey := other.Issue("imzmq")
	expired, expiredKey := g.Authority().IssueUntil("expired", time.Now().Add(-time.Minute))
	for _, c := range []struct {
		servers, want string
		change        func(*kafka.Config)
	}{
		{g.to("alice"), "a broker's certificate is not trusted: see --kafka-ca",
			func(c *kafka.Config) { c.CAFile = other.CA }},
		{g.to("alice"), "a broker's certificate is not trusted: see --kafka-ca", func(c *kafka.Config) { c.CAFile = "" }},
		{"kafka+tls://alice@" + forward(t, "127.0.0.2:0", g.servers), "a broker's certificate is for another name", nil},
		{g.to("alice"), "a broker does not accept this TLS client: see --kafka-cert",
			func(c *kafka.Config) { c.CertFile, c.KeyFile = "", "" }},
		{g.to("alice"), "a broker does not accept this TLS client: see --kafka-cert",
			func(c *kafka.Config) { c.CertFile, c.KeyFile = otherCert, otherKey }},
		{g.to("alice"), "a broker does not accept this TLS client: see --kafka-cert",
			func(c *kafka.Config) { c.CertFile, c.KeyFile = expired, expiredKey }},
		{"kafka://alice@" + g.servers, "may speak TLS on this port: write kafka+tls:// for kafka://",
			func(c *kafka.Config) { c.CAFile, c.CertFile, c.KeyFile = "", "", "" }},
	} {
		for _, once := range []string{"&once=false", "&once=true"} {
			says(t, c.servers, "/logs?sasl=PLAIN"+once, c.want, g.as(c.change))
		}
	}
	says(t, g.to(""), "/logs", "SASL", g.as(func(c *kafka.Config) { c.Password = "" }))
}

// Each mechanism takes the right password, and refuses the wrong one.
func passwords(t *testing.T, g *guarded) {
	for i, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		for _, once := range []string{"&once=false", "&once=true"} {
			where := "/logs?sasl=" + mechanism + once
			w, log := writer(t, g.to("alice"), where, g.as(nil))
			each(t, store(t, w, message.Message{Payload: []byte(mechanism)}), "ok")
			if log.has("are refused") || log.has("senders wait") {
				t.Error("the log has a trouble")
			}
			c, _ := config(t, g.to("alice"), where, g.as(nil))
			if err := kafka.Check(t.Context(), c); err != nil {
				t.Error(err)
			}
			wrong := g.as(func(c *kafka.Config) { c.Password = "x" + secret })
			says(t, g.to("alice"), where, "the user, the password or the token is wrong: see KAFKA_PASSWORD", wrong)
			if i == 0 {
				says(t, g.to("nobody"), where, "the user, the password or the token is wrong: see KAFKA_PASSWORD", wrong)
			}
		}
	}
}

// A password that is corrected in its file needs no restart.
func corrected(t *testing.T, g *guarded) {
	for _, once := range []string{"&once=false", "&once=true"} {
		path := file(t, filepath.Join(t.TempDir(), "password"), "wrong\n")
		w, log := writer(t, g.to("alice"), "/logs?sasl=SCRAM-SHA-512"+once, g.as(func(c *kafka.Config) { c.PasswordFile = path }))
		each(t, store(t, w, numbered("", 1, 2)...), "the user, the password or the token is wrong")
		log.wants(t, "messages are refused")
		file(t, path, secret+"\n")
		each(t, store(t, w, numbered("", 1, 2)...), "ok")
		log.wants(t, "messages are no longer refused")
	}
}

func tokens(t *testing.T, g *guarded) {
	for _, once := range []string{"&once=false", "&once=true"} {
		path := file(t, filepath.Join(t.TempDir(), "token"), kafkatest.Token("alice", time.Now().Add(-time.Hour)))
		to := g.as(func(c *kafka.Config) { c.Password, c.TokenFile = "", path })
		where := "/logs?sasl=OAUTHBEARER" + once
		says(t, g.to(""), where, "the user, the password or the token is wrong", to)
		w, _ := writer(t, g.to(""), where, to)
		each(t, store(t, w, numbered("", 1, 2)...), "--kafka-token-file")
		file(t, path, kafkatest.Token("alice", time.Now().Add(time.Hour)))
		each(t, store(t, w, numbered("", 1, 2)...), "ok")
	}
}

// again wants a writer to refuse a message with a reason, and to store it after a right was given.
func (g *guarded) again(t *testing.T, w *kafka.Writer, log *journal, seq int, want, user string, right *kadm.ACLBuilder) {
	t.Helper()
	each(t, store(t, w, numbered(alice, seq, seq+1)...), want)
	log.wants(t, "messages are refused", want)
	g.mu.Lock()
	g.Allow(user, right)
	g.mu.Unlock()
}

// What a user may not do, is said.
func rights(t *testing.T, g *guarded) {
	g.create("rights", nil)
	w, log := writer(t, g.to("bob"), "/rights?sasl=PLAIN", g.as(nil))
	c, _ := config(t, g.to("bob"), "/rights?sasl=PLAIN", g.as(nil))
	const want = `topic "rights": the user may not write to it: allow WRITE and DESCRIBE`
	if err := kafka.Check(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Check: %v", err)
	}
	g.again(t, w, log, 1, want, "bob", kadm.NewACLs().Topics("rights").Operations(kadm.OpDescribe))
	eventually(t, "the right to describe", func() bool { return kafka.Check(t.Context(), c) == nil })
	g.again(t, w, log, 1, want, "bob", kadm.NewACLs().Topics("rights").Operations(kadm.OpWrite))
	eventually(t, "the right to write", func() bool { return store(t, w, numbered(alice, 1, 2)...)[0] == "ok" })
	log.wants(t, "messages are no longer refused")
	g.wants(t, "rights", "1")
}

// The same with what once=true needs.
func rightsOnce(t *testing.T, g *guarded) {
	g.create("rights-once", nil)
	g.mu.Lock()
	g.Allow("carol", kadm.NewACLs().Topics("rights-once").Operations(kadm.OpWrite, kadm.OpDescribe))
	g.mu.Unlock()
	w, log := writer(t, g.to("carol"), "/rights-once?sasl=PLAIN&once=true&state=carols", g.as(nil))
	state := func(operations ...kadm.ACLOperation) *kadm.ACLBuilder {
		return kadm.NewACLs().Topics("carols").Operations(operations...)
	}
	for _, step := range []struct {
		want  string
		right *kadm.ACLBuilder
	}{
		{"imzmq remembers there which messages are stored", state(kadm.OpDescribe)},
		{"kafka-topics.sh --create --topic carols", state(kadm.OpCreate)},
		{"allow WRITE and DESCRIBE for the transactional ids that begin with imzmq.", kadm.NewACLs().TransactionalIDs("imzmq.").
			ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpWrite, kadm.OpDescribe)},
		{"allow READ, WRITE and DESCRIBE", state(kadm.OpWrite)},
		{"allow READ, WRITE and DESCRIBE", state(kadm.OpRead)},
	} {
		g.again(t, w, log, 1, step.want, "carol", step.right)
	}
	eventually(t, "all rights", func() bool { return store(t, w, numbered(alice, 1, 2)...)[0] == "ok" })
	each(t, store(t, w, numbered(alice, 1, 3)[1:]...), "ok")
	g.wants(t, "rights-once", "1", "2")
}

// Without the right to read the settings of a topic, everything works. A message that is too long is halved until it is
// taken.
func undescribed(t *testing.T, g *guarded) {
	g.create("undescribed", map[string]string{"max.message.bytes": "50000"})
	g.mu.Lock()
	g.Allow("dave", kadm.NewACLs().Topics("undescribed", "daves").Operations(kadm.OpWrite, kadm.OpDescribe, kadm.OpRead, kadm.OpCreate))
	g.Allow("dave", kadm.NewACLs().TransactionalIDs("imzmq.").ResourcePatternType(kadm.ACLPatternPrefixed).
		Operations(kadm.OpWrite, kadm.OpDescribe))
	g.mu.Unlock()
	for _, once := range []string{"&once=false", "&once=true&state=daves"} {
		w, log := writer(t, g.to("dave"), "/undescribed?sasl=PLAIN&compression=none"+once, g.as(nil))
		batch := numbered(alice, 1, 4)
		batch[1].Payload = []byte(strings.Repeat("x", 100_000))
		each(t, store(t, w, batch...), "ok")
		checkCut(t, w, log)
	}
	got := g.values("undescribed")
	if len(got) != 6 || len(got[1]) < 20_000 || len(got[1]) > 50_000 {
		t.Errorf("%d records", len(got))
	}
}
