package kafkatest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// broker is one node. It listens for clients, for the other brokers and the test, and for controllers.
type broker struct {
	t                           testing.TB
	id                          int
	clients, admin, controllers string
	folder                      string
	java                        []string
	client                      *kgo.Client // of this broker alone
	cmd                         *exec.Cmd
	ended                       chan struct{} // nil before the first start
	frozen                      bool
}

func (c *Cluster) newBroker(id int) *broker {
	c.t.Helper()
	port := func() string { return "127.0.0.1:" + redistest.FreePort(c.t) }
	b := &broker{t: c.t, id: id, clients: port(), admin: port(), controllers: port(), java: c.config.Java}
	b.folder = filepath.Join(c.folder, fmt.Sprint(id))
	var err error
	if b.client, err = kgo.NewClient(kgo.SeedBrokers(b.admin)); err != nil {
		c.t.Fatal(err)
	}
	return b
}

func (b *broker) adminAddr() string { return b.admin }
func (b *broker) data() string      { return filepath.Join(b.folder, "data") }
func (b *broker) logFile() string   { return filepath.Join(b.folder, "log") }

// format makes the log folder as `kafka-storage format` does, which takes a second.
func (b *broker) format(clusterID string, settings []byte) {
	b.t.Helper()
	features, err := os.ReadFile(filepath.Join(installed(b.t), "bootstrap.checkpoint"))
	meta := fmt.Sprintf("version=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n", clusterID, b.id, randomID())
	err = errors.Join(err,
		os.MkdirAll(b.data(), 0o700),
		os.WriteFile(filepath.Join(b.data(), "meta.properties"), []byte(meta), 0o600),
		os.WriteFile(filepath.Join(b.data(), "bootstrap.checkpoint"), features, 0o600),
		os.WriteFile(filepath.Join(b.folder, "server.properties"), settings, 0o600))
	if err != nil {
		b.t.Fatal(err)
	}
}

// randomID returns a UUID as Kafka writes it. It avoids a leading minus sign, which is an option to Kafka's tools.
func randomID() string {
	var id [16]byte
	rand.Read(id[:])
	id[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// launch starts the broker. Its working directory is that of class-path.
func (b *broker) launch() {
	b.t.Helper()
	if b.running() {
		b.t.Fatalf("broker %d runs", b.id)
	}
	jars, err := os.ReadFile(filepath.Join(installed(b.t), "class-path"))
	log, err2 := os.OpenFile(b.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err := errors.Join(err, err2); err != nil {
		b.t.Fatal(err)
	}
	defer log.Close()
	args := slices.Concat([]string{
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-XX:SharedArchiveFile=classes.jsa",
		"-Dlog4j2.configurationFile=" + filepath.Join(module(b.t), "integration/peers/kafka/log4j2.properties"),
		"-Djava.io.tmpdir=" + b.folder, "-XX:ErrorFile=" + filepath.Join(b.folder, "crash-%p.log"),
	}, b.java, []string{"-cp", strings.TrimSpace(string(jars)), "kafka.Kafka", filepath.Join(b.folder, "server.properties")})
	b.cmd = exec.Command("java", args...)
	b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = installed(b.t), log, log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.frozen, b.ended = false, make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		cmd.Wait() // the exit code does not matter: it is 143 after SIGTERM
		close(ended)
	}(b.cmd, b.ended)
}

func (b *broker) running() bool {
	if b.ended == nil {
		return false
	}
	select {
	case <-b.ended:
		return false
	default:
		return true
	}
}

// working reports whether it can answer.
func (b *broker) working() bool { return b.running() && !b.frozen }

// accepts returns an error unless the broker accepts clients. A broker that has ended ends the test.
func (b *broker) accepts() error {
	b.t.Helper()
	if !b.running() {
		b.t.Fatalf("broker %d has ended", b.id) // Cluster.end shows its log
	}
	conn, err := net.Dial("tcp", b.clients)
	if err == nil {
		conn.Close()
	}
	return err
}

// request asks this broker.
func (b *broker) request(ctx context.Context, request kmsg.Request) (kmsg.Response, error) {
	return b.client.SeedBrokers()[0].Request(ctx, request)
}

// knows returns the brokers that this one tells clients about.
func (b *broker) knows(ctx context.Context) (ids []int, err error) {
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none
	response, err := b.request(ctx, request)
	if err != nil {
		return nil, err
	}
	for _, known := range response.(*kmsg.MetadataResponse).Brokers {
		ids = append(ids, int(known.NodeID))
	}
	return ids, nil
}

func (b *broker) signal(signal syscall.Signal) {
	b.t.Helper()
	if !b.running() {
		b.t.Fatalf("broker %d does not run", b.id)
	}
	if err := b.cmd.Process.Signal(signal); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) awaitEnd() {
	b.t.Helper()
	select {
	case <-b.ended:
	case <-time.After(patience):
		b.t.Fatalf("broker %d does not end", b.id)
	}
}

func (b *broker) end() {
	if b.running() {
		b.cmd.Process.Kill() // also one that is stopped
		<-b.ended
	}
	b.client.Close()
}

// stopped reports whether every thread is stopped, or has ended. SIGSTOP does not stop all of them at once.
func (b *broker) stopped() bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", b.cmd.Process.Pid))
	for _, thread := range threads {
		stat, _ := os.ReadFile(thread) // proc(5): the state follows the name, which is in parentheses
		if _, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" ")); bytes.IndexAny(state, "TZX") != 0 {
			return false
		}
	}
	return true
}

// limit bounds the size of files that the broker may write (RLIMIT_FSIZE).
func (b *broker) limit(bytes uint64) {
	b.t.Helper()
	var old unix.Rlimit
	err := unix.Prlimit(b.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &old)
	if err == nil {
		err = unix.Prlimit(b.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: min(bytes, old.Max), Max: old.Max}, nil)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) log() string {
	text, _ := os.ReadFile(b.logFile())
	return string(text)
}

func (b *broker) logEnd() string {
	text := b.log()
	return text[max(0, len(text)-4000):]
}
