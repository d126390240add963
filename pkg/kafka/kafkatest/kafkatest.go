// Package kafkatest runs real Apache Kafka clusters for tests, on free loopback ports and in folders of their own,
// administers them, and reads them with kcat. integration/setup test installs what it needs.
//
// A broker takes about 2 s of CPU to start, and 170 MB. Tests should share a cluster where they can.
package kafkatest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// patience bounds every wait; nothing takes that long unless it hangs.
const patience = 2 * time.Minute

// pace is how long a wait pauses between two looks.
const pace = 10 * time.Millisecond

// Config is of a cluster. The zero Config is one broker that accepts everybody.
type Config struct {
	Brokers int // 1 (also if 0) or 3. Each is a controller, too

	// Settings are further lines of every server.properties. They replace those of the package.
	Settings map[string]string

	// TLS makes clients speak TLS. ClientCertificates, which implies it, lets in only those with a certificate of
	// Authority, as User:CN=name.
	TLS, ClientCertificates bool

	// Users, with their passwords, makes clients authenticate, by one of Mechanisms: PLAIN, SCRAM-SHA-256,
	// SCRAM-SHA-512 and OAUTHBEARER (see Token) if it is empty.
	Users      map[string]string
	Mechanisms []string

	// ACL lets clients do only what Allow says. It needs ClientCertificates or Users.
	ACL bool

	// Java is further arguments of java. They replace those of the package, such as -Xmx256m.
	Java []string

	// Advertise returns what a broker tells clients to connect to, where a proxy is in between; addr is where the
	// broker listens. nil: addr.
	Advertise func(id int, addr string) string
}

// Cluster is a running cluster, which ends with the test. Its brokers are 1, 2 and 3: Kafka's node.id. One goroutine
// may use it.
type Cluster struct {
	t         testing.TB
	config    Config
	folder    string
	brokers   []*broker
	authority *Authority // nil without TLS
	admin     *kadm.Client
}

// Available skips the test if integration/setup could not get Kafka. Continuous integration leaves nothing out.
func Available(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(installed(t), "ready")); err == nil {
		return
	}
	note, err := os.ReadFile(filepath.Join(installed(t), "left-out")) // exists only then
	if err != nil || os.Getenv("CI") == "true" {
		t.Fatal("Kafka is missing: run integration/setup test")
	}
	t.Skip(strings.TrimSpace(string(note)))
}

// Start starts a cluster and waits until all of its brokers serve clients.
func Start(t testing.TB, config Config) *Cluster {
	t.Helper()
	Available(t)
	if config.ACL && !config.ClientCertificates && config.Users == nil {
		t.Fatal("ACL without names: every client would be User:ANONYMOUS, who may do everything")
	}
	config.Brokers = max(config.Brokers, 1)
	c := &Cluster{t: t, config: config, folder: t.TempDir()}
	t.Cleanup(c.end) // before the folder is removed
	if config.TLS || config.ClientCertificates {
		c.authority = NewAuthority(t)
	}
	var ids []int
	for id := 1; id <= config.Brokers; id++ {
		c.brokers = append(c.brokers, c.newBroker(id))
		ids = append(ids, id)
	}
	clusterID := randomID()
	for _, b := range c.brokers {
		b.format(clusterID, c.properties(b))
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.addrs((*broker).adminAddr)...), kgo.MetadataMinAge(pace))
	if err != nil {
		t.Fatal(err)
	}
	c.admin = kadm.NewClient(client)
	c.Launch(ids...)
	c.createUsers()
	return c
}

func (c *Cluster) end() {
	for _, b := range c.brokers {
		b.end()
	}
	if c.admin != nil {
		c.admin.Close()
	}
	if c.t.Failed() {
		for _, b := range c.brokers {
			c.t.Logf("broker %d at %s wrote:\n%s", b.id, b.clients, b.logEnd())
		}
	}
}

// Addrs returns where brokers tell clients to connect to: all brokers, also those that do not run.
func (c *Cluster) Addrs() []string { return c.addrs(c.advertised) }

// Bootstrap returns Addrs, joined by commas.
func (c *Cluster) Bootstrap() string { return strings.Join(c.Addrs(), ",") }

// AdminBootstrap returns another way in, without TLS, without names, and with all rights: the test's own.
func (c *Cluster) AdminBootstrap() string { return strings.Join(c.addrs((*broker).adminAddr), ",") }

// Authority returns who has signed the brokers' certificates, nil without TLS.
func (c *Cluster) Authority() *Authority { return c.authority }

func (c *Cluster) advertised(b *broker) string {
	if c.config.Advertise == nil {
		return b.clients
	}
	return c.config.Advertise(b.id, b.clients)
}

func (c *Cluster) addrs(of func(*broker) string) (addrs []string) {
	for _, b := range c.brokers {
		addrs = append(addrs, of(b))
	}
	return addrs
}

func (c *Cluster) broker(id int) *broker {
	c.t.Helper()
	if id < 1 || id > len(c.brokers) {
		c.t.Fatalf("there is no broker %d", id)
	}
	return c.brokers[id-1]
}

// await repeats try until it returns nil. The context of an attempt ends after some seconds.
func (c *Cluster) await(what string, try func(ctx context.Context) error) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(pace) {
		ctx, cancel := context.WithTimeout(context.Background(), patience/10)
		err := try(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: %v", what, err)
		}
	}
}

// everywhere waits until try returns nil for each broker that works: what the controllers have decided reaches the
// brokers one by one.
func (c *Cluster) everywhere(what string, try func(ctx context.Context, b *broker) error) {
	c.t.Helper()
	for _, b := range c.brokers {
		if b.working() {
			c.await(fmt.Sprintf("%s on broker %d", what, b.id), func(ctx context.Context) error { return try(ctx, b) })
		}
	}
}

// installed is the folder that integration/setup has made, .cache/kafka.
func installed(t testing.TB) string { return filepath.Join(module(t), ".cache/kafka") }

// module is the folder of go.mod: tests run in their package's folder.
func module(t testing.TB) string {
	t.Helper()
	start, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for folder := start; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		if folder == "/" {
			t.Fatalf("%s is not in a module", start)
		}
	}
}
