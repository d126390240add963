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
	"testing"

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

// What the cluster can do besides is shown by the tests that need it.
func TestRead(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Config{})
	c.CreateTopic("logs", 1, 1, map[string]string{"retention.ms": "-1"})
	checkBinary(t, c)
	checkTransactions(t, c)
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
