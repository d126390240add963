package kafkatest_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
)

// produce has kcat store each value as one record.
func produce(t *testing.T, addr, topic string, values [][]byte, args ...string) {
	t.Helper()
	args = append([]string{"60", "kcat", "-P", "-b", addr, "-t", topic}, args...)
	for i, value := range values {
		file := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := os.WriteFile(file, value, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	cmd := exec.Command("timeout", args...)
	cmd.Stdin = strings.NewReader(":\n") // read without files
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kcat: %v\n%s", err, out)
	}
}

func numbered(from, to int) (values [][]byte) {
	for i := from; i < to; i++ {
		values = append(values, fmt.Appendf(nil, "record %d", i))
	}
	return values
}

func check(t *testing.T, records []kafkatest.Record, want [][]byte) {
	t.Helper()
	var got [][]byte
	for _, r := range records {
		got = append(got, r.Value)
	}
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("read %q, want %q", got, want)
	}
}

func TestOneBroker(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Config{})
	c.CreateTopic("logs", 1, 1, map[string]string{"retention.ms": "-1"})
	checkBinary(t, c)
	checkTransactions(t, c)
	c.DeleteTopic("logs")
	c.CreateTopic("logs", 1, 1, nil)
	c.AlterTopic("logs", map[string]string{"retention.ms": "1000000", "flush.messages": "1000"})
	checkQuota(t, c)
	checkFullDisk(t, c)
}

func checkBinary(t *testing.T, c *kafkatest.Cluster) {
	if records := c.Read("logs", true); len(records) != 0 {
		t.Errorf("an empty topic has %v", records)
	}
	values := [][]byte{[]byte("plain"), []byte("two\nlines\n"), {0, '\n', 0xff, 0}, []byte("6 7 8 9 10\n")}
	produce(t, c.Bootstrap(), "logs", values, "-k", "a\nkey", "-H", "topic=alice", "-H", "empty=")
	produce(t, c.Bootstrap(), "logs", nil, "-K", ":", "-Z") // null and null
	records := c.Read("logs", true)
	check(t, records, append(values, nil))
	for i, r := range records {
		want := kafkatest.Record{Offset: int64(i), Key: []byte("a\nkey"), Headers: "topic=alice,empty="}
		if i == len(values) {
			want.Key, want.Headers = nil, ""
		}
		if r.Offset != want.Offset || !bytes.Equal(r.Key, want.Key) || r.Headers != want.Headers || r.Timestamp.Year() < 2000 {
			t.Errorf("record %d: %+v", i, r)
		}
	}
	if last := records[len(records)-1]; last.Key != nil || last.Value != nil {
		t.Errorf("null was read as %q: %q", last.Key, last.Value)
	}
}

// checkTransactions has a committed, an aborted and an open transaction read, in a topic of several partitions.
func checkTransactions(t *testing.T, c *kafkatest.Cluster) {
	c.CreateTopic("transactions", 3, 1, nil)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...), kgo.DefaultProduceTopic("transactions"),
		kgo.TransactionalID("a test"), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		err := client.BeginTransaction()
		for range 9 {
			err = errors.Join(err, client.ProduceSync(t.Context(), &kgo.Record{Value: []byte{byte(i)}}).FirstErr())
		}
		if err != nil {
			t.Fatal(err)
		}
		if committed, all := len(c.Read("transactions", true)), len(c.Read("transactions", false)); committed != min(i, 1)*9 || all != (i+1)*9 {
			t.Errorf("transaction %d is open: %d committed, %d in all", i, committed, all)
		}
		if err := client.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	want := map[byte]int{0: 9, 2: 9}
	c.ReadEach("transactions", true, func(r kafkatest.Record) { want[r.Value[0]]-- })
	if want[0] != 0 || want[1] != 0 || want[2] != 0 {
		t.Errorf("missing, or too many if negative: %v", want)
	}
}

// throttled counts answers that make the client wait.
type throttled struct{ atomic.Int64 }

func (n *throttled) OnBrokerThrottle(kgo.BrokerMetadata, time.Duration, bool) { n.Add(1) }

func checkQuota(t *testing.T, c *kafkatest.Cluster) {
	c.Quota("slow", 100)
	var waits throttled
	for end := time.Now().Add(time.Minute); waits.Load() == 0; {
		if err := send(t, c, kgo.ClientID("slow"), kgo.WithHooks(&waits)); err != nil || time.Now().After(end) {
			t.Fatalf("no client has to wait: %v", err)
		}
	}
	c.Quota("slow", 0)
}

func checkFullDisk(t *testing.T, c *kafkatest.Cluster) {
	before := len(c.Read("logs", true))
	c.LimitFiles(1, 1<<20)
	full, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...), kgo.DefaultProduceTopic("logs"))
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for range 30 {
		full.Produce(t.Context(), &kgo.Record{Value: incompressible(100_000)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err) // the broker comes back before the client gives up
			}
		})
	}
	c.AwaitEnd(1)
	if !strings.Contains(c.Log(1), "File too large") {
		t.Error("the broker does not say why it has ended")
	}
	c.Launch(1)
	if err := full.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if got := len(c.Read("logs", true)); got < before+30 {
		t.Errorf("%d records, want %d", got, before+30)
	}
}

func TestThreeBrokers(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Config{Brokers: 3})
	c.CreateTopic("logs", 1, 3, map[string]string{"min.insync.replicas": "2"})
	acks := []string{"-X", "acks=all"}
	produce(t, c.Bootstrap(), "logs", numbered(0, 10), acks...)
	dead := c.Leader("logs", 0)
	c.Kill(dead)
	if next := c.Leader("logs", 0); next == dead {
		t.Errorf("broker %d leads, but is dead", dead)
	}
	produce(t, c.Bootstrap(), "logs", numbered(10, 20), acks...)
	check(t, c.Read("logs", true), numbered(0, 20))
	c.Launch(dead)
	c.AwaitInSync("logs")
	old := c.Leader("logs", 0)
	if leader := c.MoveLeader("logs", 0); leader == old || leader != c.Leader("logs", 0) {
		t.Errorf("broker %d leads instead of %d", leader, old)
	}
	frozen := c.Leader("logs", 0)
	c.Freeze(frozen)
	produce(t, c.Bootstrap(), "logs", numbered(20, 30), acks...)
	c.Thaw(frozen)
	c.AwaitInSync("logs")
	stopped := c.Leader("logs", 0)
	c.Stop(stopped)
	if got := c.Running(); len(got) != 2 || slices.Contains(got, stopped) {
		t.Errorf("%v run", got)
	}
	produce(t, c.Bootstrap(), "logs", numbered(30, 40), acks...)
	c.Launch(stopped)
	c.AwaitInSync("logs")
	check(t, c.Read("logs", true), numbered(0, 40))
}
