package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
)

// docs/kafka.md, executed as it stands except for addresses and paths.

const kafkaPage = "docs/kafka.md"

// kafkaTools are Kafka's scripts, which the page calls and the jars of integration/setup lack, and their classes.
var kafkaTools = map[string]string{
	"kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
	"kafka-acls.sh":   "org.apache.kafka.tools.AclCommand",
}

// kafkaShell runs a script with Kafka's tools, and returns what it writes to standard output.
func kafkaShell(t *testing.T, script string) string {
	t.Helper()
	tools, jars := t.TempDir(), filepath.Join(repository(), ".cache/kafka")
	for tool, class := range kafkaTools {
		text := fmt.Sprintf("#!/bin/sh\ncd %s && exec java -Xmx128m -XX:TieredStopAtLevel=1 -cp \"$(cat class-path)\" %s \"$@\"\n", jars, class)
		if err := os.WriteFile(filepath.Join(tools, tool), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "-e", "-c", script)
	cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s\n%v\n%s%s", script, err, out, &stderr)
	}
	return string(out)
}

// execStart returns the command of a unit.
func execStart(t *testing.T, unit string) *exec.Cmd {
	t.Helper()
	found := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(unit)
	if found == nil {
		t.Fatal("no ExecStart=")
	}
	command := strings.Fields(found[1])
	return exec.Command(command[0], command[1:]...)
}

const pageBrokers = "kafka-1.example.com:9092,kafka-2.example.com:9092"

// startPageImzmq starts the imzmq of a unit on another address.
func startPageImzmq(t *testing.T, unit, endpoint, brokers string) *process {
	t.Helper()
	return start(t, "imzmq", execStart(t, strings.NewReplacer(packagedImzmq, program("imzmq"), "tcp://*:5555", endpoint,
		pageBrokers, brokers).Replace(unit)))
}

// pageReceivers are the imzmq of the page's unit, and that of the packaged unit.
type pageReceivers struct {
	units, endpoints []string
	brokers          string
	running          []*process
}

func startPageReceivers(t *testing.T, brokers string) *pageReceivers {
	t.Helper()
	r := &pageReceivers{brokers: brokers, units: []string{documented(t, kafkaPage, "## The whole chain", "systemd", 0),
		source(t, "packaging/systemd/imzmq-kafka.service")}}
	for i := range r.units {
		r.endpoints = append(r.endpoints, nowhere(t))
		r.running = append(r.running, nil)
		r.start(t, i)
	}
	return r
}

func (r *pageReceivers) start(t *testing.T, i int) {
	t.Helper()
	r.running[i] = startPageImzmq(t, r.units[i], r.endpoints[i], r.brokers)
	r.running[i].logged(t, `msg="the destination answers" to="kafka://.*/logs\?key=sender&once=true"`)
}

// pageSender starts the page's rsyslogd, with the line that connects to both receivers.
func pageSender(t *testing.T, receivers *pageReceivers) *rsyslogd {
	t.Helper()
	binary := documented(t, kafkaPage, "### Several imzmq", "", 0)
	for i, endpoint := range receivers.endpoints {
		binary = strings.ReplaceAll(binary, fmt.Sprintf("tcp://imzmq-%d.example.com:5555", i+1), endpoint)
	}
	conf := documented(t, kafkaPage, "## The whole chain", "rsyslog", 0)
	conf = regexp.MustCompile(`(?m)^ *binary=.*\n`).ReplaceAllLiteralString(conf, binary)
	return startRsyslogd(t, likeDebian(strings.NewReplacer(packagedOmzmq, program("omzmq"), "/var/log/", "[dir]/",
		"/var/spool/rsyslog/", "[dir]/").Replace(conf)))
}

// The whole chain, with two imzmq that are killed in turn: one of them serves the sender then.
func TestKafkaPageChain(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t, kafkatest.Config{Brokers: 3})
	broker := []string{"kafka-1.example.com:9092", cluster.Addrs()[0]}
	kafkaShell(t, documented(t, kafkaPage, "## The whole chain", "sh", 0, broker...))
	kafkaShell(t, documented(t, kafkaPage, "### The state topic", "sh", 0, broker...))
	cluster.AwaitInSync("logs")
	cluster.AwaitInSync("imzmq-stored")
	receivers := startPageReceivers(t, cluster.Bootstrap())
	from := pageSender(t, receivers)

	arrived := func() map[string]int {
		times := map[string]int{}
		cluster.ReadEach("logs", true, func(r kafkatest.Record) { times[string(r.Value)]++ })
		return times
	}
	from.logLines(t, written...)
	sent := []string{written[0], written[2]}
	eventually(t, patience, "the lines arrive", func() bool { return arrived()[written[2]] > 0 })
	for i, killed := range receivers.running {
		killed.kill()
		sent = append(sent, strings.Replace(written[0], "web-1", fmt.Sprintf("web-9%d", i), 1))
		from.logLines(t, sent[len(sent)-1])
		eventually(t, patience, "a line arrives through the other imzmq", func() bool { return arrived()[sent[len(sent)-1]] > 0 })
		receivers.start(t, i)
	}
	times := arrived()
	for _, line := range sent {
		if times[line] != 1 {
			t.Errorf("%q is there %d times", line, times[line])
		}
	}
	wantKcat(t, documented(t, kafkaPage, "## The whole chain", "sh", 1, broker...), sent[len(sent)-1])
	from.stop(t)
	for _, imzmq := range receivers.running {
		imzmq.stop(t)
	}
}

// wantKcat looks at the topic as the page does, for the last line: the ends of transactions take some of the last ten
// offsets.
func wantKcat(t *testing.T, command, line string) {
	t.Helper()
	look := kafkaShell(t, command)
	shown := regexp.MustCompile(`(?m)^\d{13} (01[0-9a-f]{32}) topic=,peer=tcp://127\.0\.0\.1:\d+,sender=(01[0-9a-f]{32}),seq=\d+,` +
		`received=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\n` + regexp.QuoteMeta(line) + `$`).FindStringSubmatch(look)
	if shown == nil || shown[1] != shown[2] {
		t.Errorf("kcat shows\n%s", look)
	}
}

// The rights that the page lists are enough for an imzmq that is started as it says, over TLS with a password, and that
// creates the topic of what is stored.
func TestKafkaPageRights(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t, kafkatest.Config{TLS: true, Users: map[string]string{"imzmq": "secret"}, ACL: true,
		Mechanisms: []string{"SCRAM-SHA-512"}})
	const heading = "## Users, passwords, TLS, rights"
	broker := []string{"kafka-1.example.com:9092", cluster.AdminBootstrap()}
	kafkaShell(t, documented(t, kafkaPage, "## The whole chain", "sh", 0,
		append(broker, "--replication-factor 3", "--replication-factor 1", "min.insync.replicas=2", "min.insync.replicas=1")...))
	kafkaShell(t, documented(t, kafkaPage, heading, "sh", 0, broker...))
	kafkaShell(t, documented(t, kafkaPage, heading, "sh", 1, broker...))
	secrets := folder(t)
	if err := os.WriteFile(filepath.Join(secrets, "kafka"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	imzmq := start(t, "imzmq", execStart(t, documented(t, kafkaPage, heading, "systemd", 0, packagedImzmq, program("imzmq"),
		"tcp://*:5555", "tcp://127.0.0.1:0", "kafka-1.example.com:9093", cluster.Bootstrap(), "%d/", secrets+"/",
		"/etc/rsyslog-zeromq/kafka-ca.pem", cluster.Authority().CA)))
	d := drive(t, "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))
	d.delivers(t, "a line")
	imzmq.logged(t, "created a topic")
	if records := cluster.Read("logs", true); len(records) != 1 || string(records[0].Value) != "a line" {
		t.Errorf("%d records: %v", len(records), records)
	}
	d.finish(t)
	imzmq.stop(t)
}

// Without the topic of what is stored, messages are refused until imzmq is started again. Nothing is lost.
func TestKafkaPageStateDeleted(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t, kafkatest.Config{})
	cluster.CreateTopic("logs", 1, 1, nil)
	endpoint := nowhere(t)
	unit := documented(t, kafkaPage, "## The whole chain", "systemd", 0)
	imzmq := startPageImzmq(t, unit, endpoint, cluster.Bootstrap())
	d := drive(t, "--connect", endpoint)
	d.commits(t, "before")
	cluster.DeleteTopic("imzmq-stored")
	if r := d.transaction(t, "meanwhile"); !strings.Contains(r.text, "UNKNOWN_TOPIC") {
		t.Errorf("the commit was answered %q", r.text)
	}
	imzmq.kill()
	imzmq = startPageImzmq(t, unit, endpoint, cluster.Bootstrap())
	d.delivers(t, "meanwhile", "after")
	imzmq.logged(t, "created a topic")
	var values []string
	for _, r := range cluster.Read("logs", true) {
		values = append(values, string(r.Value))
	}
	if got := strings.Join(values, " "); got != "before meanwhile after" {
		t.Errorf("the topic has %q", got)
	}
	d.finish(t)
	imzmq.stop(t)
}
