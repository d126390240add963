package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// readme returns the first block of code in a language under a heading of the README.
func readme(t *testing.T, heading, language string, oldnew ...string) string {
	t.Helper()
	return documented(t, "README.md", "### "+heading, language, 0, oldnew...)
}

// documented returns the nth block of code in a language under a heading of a document. oldnew are pairs of
// what its user replaces; each must occur in the block.
func documented(t *testing.T, document, heading, language string, n int, oldnew ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(), document))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n"+heading)
	if !found {
		t.Fatalf("%s has no heading %q", document, heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	section, _, _ = strings.Cut(section, "\n"+level+" ")
	blocks := regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) <= n {
		t.Fatalf("too few blocks of %s under %q", language, heading)
	}
	code := blocks[n][1]
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(code, oldnew[i]) {
			t.Fatalf("%q does not contain %q", heading, oldnew[i])
		}
		code = strings.ReplaceAll(code, oldnew[i], oldnew[i+1])
	}
	return code
}

// readmeOmprog is the line that configuration 4 needs where 1 is not there.
func readmeOmprog(t *testing.T) string {
	t.Helper()
	return documented(t, "README.md", "### 4. ", "rsyslog", 1)
}

func readmeSender(t *testing.T, endpoint string) *rsyslogd {
	t.Helper()
	return startRsyslogd(t, likeDebian(readme(t, "1. ", "rsyslog",
		packagedOmzmq, program("omzmq"), "tcp://logs.example.com:5555", endpoint, "/var/log/", "[dir]/", "/var/spool/rsyslog/", "[dir]/")))
}

func TestReadmeSendAndReceiveByRELP(t *testing.T) {
	remote := `template(name="remote" type="string" string="%timestamp:::date-rfc3339% %hostname% %syslogtag% %pri-text%%msg:::sp-if-no-1st-sp%%msg%\n")`
	const file = `action(type="omfile" file=`
	to := startRsyslogd(t, likeDebian(remote+readme(t, "2. ", "rsyslog", "2514", "[relp]",
		file+`"/var/log/remote.log"`, file+`"[dir]/fields" template="remote") `+file+`"[dir]/remote.log"`)))
	command := strings.Fields(readme(t, "2. ", "sh",
		packagedImzmq, program("imzmq"), "tcp://*:5555", "tcp://127.0.0.1:0", "2514", to.relp))
	imzmq := start(t, "imzmq", exec.Command(command[0], command[1:]...))
	from := readmeSender(t, "tcp://127.0.0.1:"+imzmq.boundPort(t))
	from.logLines(t, written...)
	wantRead(t, to.file("fields"))
	wantColons(t, to.file("remote.log"))
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
}

// wantColons waits until the lines in a file have the form that rsyslog's files have, with a colon after the tag.
func wantColons(t *testing.T, file string) {
	t.Helper()
	wantFile(t, file, `web-2 sshd\[42\]: Failed password for root\n`, `web-3 tag: BEGIN TRANSACTION\n`,
		`2026-01-02T03:04:05\.678901\+02:00 web-1 app\[4711\]: said "hello"`)
}

// wantFile waits until a file has a match of each pattern.
func wantFile(t *testing.T, file string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		want := regexp.MustCompile(pattern)
		eventually(t, patience, file+" has "+pattern, func() bool {
			text, _ := os.ReadFile(file) // may not exist yet
			return want.Match(text)
		})
	}
}

// The encrypted form of the first two configurations, with keys of --curve-keygen.
func TestReadmeEncrypted(t *testing.T) {
	c := makeKeyring(t, "server", "client")
	c.allow(t, "client")
	to := startRsyslogd(t, likeDebian(readme(t, "2. ", "rsyslog", "2514", "[relp]", "/var/log/", "[dir]/")))
	command := strings.Fields(documented(t, "README.md", "### 2. ", "sh", 1, keysFolder, c.dir,
		packagedImzmq, program("imzmq"), "tcp://*:5555", "tcp://127.0.0.1:0", "2514", to.relp))
	imzmq := start(t, "imzmq", exec.Command(command[0], command[1:]...))
	clear := readme(t, "1. ", "rsyslog")
	binary := regexp.MustCompile(`(?m)^ *binary=.*\n`)
	from := startRsyslogd(t, likeDebian(strings.NewReplacer(packagedOmzmq, program("omzmq"), keysFolder, c.dir,
		"tcp://logs.example.com:5555", "tcp://127.0.0.1:"+imzmq.boundPort(t), "/var/log/", "[dir]/", "/var/spool/rsyslog/", "[dir]/").
		Replace(binary.ReplaceAllLiteralString(clear, documented(t, "README.md", "### 1. ", "rsyslog", 1)))))
	from.logLines(t, written...)
	eventually(t, patience, "the lines arrive", func() bool {
		text, _ := os.ReadFile(to.file("remote.log")) // may not exist yet
		return strings.Contains(string(text), `said "hello"`)
	})
	imzmq.wantUser(t, "client")
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
}

func TestReadmeRedis(t *testing.T) { redistest.Each(t, testReadmeRedis) }

func testReadmeRedis(t *testing.T, redisServer string) {
	server := redistest.StartProgram(t, redisServer)
	command := strings.Fields(readme(t, "3. ", "sh",
		packagedImzmq, program("imzmq"), "tcp://*:5555", "tcp://127.0.0.1:0", "127.0.0.1:6379", server.Addr()))
	imzmq := start(t, "imzmq", exec.Command(command[0], command[1:]...))
	from := readmeSender(t, "tcp://127.0.0.1:"+imzmq.boundPort(t))
	from.logLines(t, written...)
	eventually(t, patience, "the lines arrive", func() bool { return slices.Contains(server.List("logs"), written[0]) })
	from.stop(t)
	imzmq.stop(t)
}

func TestReadmePublish(t *testing.T) {
	port := freePort(t)
	from := startRsyslogd(t, likeDebian(readmeOmprog(t)+readme(t, "4. ", "rsyslog",
		packagedOmzmq, program("omzmq"), "tcp://127.0.0.1:5556", "tcp://127.0.0.1:"+port, "/var/log/", "[dir]/")))
	sub := startPeer(t, "SUB", "--connect", "tcp://127.0.0.1:"+port, "--subscribe", "")
	eventually(t, patience, "the subscription takes effect", func() bool {
		from.logLines(t, warmUp)
		return len(sub.messages) > 0
	})
	from.logLines(t, written...)
	wantPublished(t, sub, "local4.notice.app", published[0])
	from.stop(t)
}

func TestReadmeReceiveByImprog(t *testing.T) {
	port := freePort(t)
	to := startRsyslogd(t, likeDebian(readme(t, "5. ", "rsyslog", `load="improg"`, fmt.Sprintf("load=%q", improgModule()),
		packagedImzmq, program("imzmq"), "tcp://*:5555", "tcp://127.0.0.1:"+port, "/var/log/", "[dir]/")))
	from := readmeSender(t, "tcp://127.0.0.1:"+port)
	from.logLines(t, written...)
	eventually(t, patience, "the lines arrive", func() bool {
		text, _ := os.ReadFile(to.file("remote.log")) // may not exist yet
		return strings.Contains(string(text), `[a@1 b="c"] said "hello"`)
	})
	from.stop(t)
	to.stop(t)
}

func TestReadmeKafka(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t, kafkatest.Config{})
	kafkaShell(t, documented(t, "README.md", "### 6. ", "sh", 0, "kafka-1.example.com:9092", cluster.Bootstrap(),
		"--replication-factor 3", "--replication-factor 1", "min.insync.replicas=2", "min.insync.replicas=1"))
	endpoint := nowhere(t)
	receiver := exec.Command("bash", "-c", "exec "+documented(t, "README.md", "### 6. ", "sh", 1,
		packagedImzmq, program("imzmq"), "tcp://*:5555", endpoint, "kafka-1.example.com:9092", cluster.Bootstrap()))
	checksKafka(t, cluster.Bootstrap())
	imzmq := start(t, "imzmq", receiver)
	from := readmeSender(t, endpoint)
	from.logLines(t, written...)
	eventually(t, patience, "the lines arrive", func() bool {
		return slices.ContainsFunc(cluster.Read("logs", true), func(r kafkatest.Record) bool { return string(r.Value) == written[0] })
	})
	from.stop(t)
	imzmq.stop(t)
}

// A queue that a single batch fills loses messages as soon as the batch has to wait. rsyslog's default size is
// 1,000, however large the batch is.
func TestQueuesHaveRoomForMoreThanABatch(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repository(), "rsyslog.d", "*.conf"))
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, filepath.Join(repository(), "README.md"), filepath.Join(repository(), redisPage),
		filepath.Join(repository(), kafkaPage))
	setting := func(action, name string) (n int) {
		if m := regexp.MustCompile(name + `="(\d+)"`).FindStringSubmatch(action); m != nil {
			n, _ = strconv.Atoi(m[1])
		}
		return n
	}
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, action := range regexp.MustCompile(`(?s)action\([^)]*type="omprog"[^)]*\)`).FindAllString(string(text), -1) {
			seen++
			if size, batch := setting(action, "queue.size"), setting(action, "queue.dequeueBatchSize"); size < 10*max(batch, 1000) {
				t.Errorf("%s: a queue of %d for batches of %d", file, size, batch)
			}
		}
	}
	if seen < 5 {
		t.Errorf("%d actions found", seen)
	}
}

// impstats has what the README says to look at.
func TestReadmeImpstats(t *testing.T) {
	t.Parallel()
	oldnew := []string{packagedOmzmq, program("omzmq"), "tcp://logs.example.com:5555", nowhere(t), "/var/log/", "[dir]/", "/var/spool/rsyslog/", "[dir]/"}
	impstats := documented(t, "README.md", "## Is it working?", "rsyslog", 0, `interval="60"`, `interval="1"`, "/var/log/", "[dir]/")
	from := startRsyslogd(t, likeDebian(impstats+readme(t, "1. ", "rsyslog", oldnew...)))
	from.logLines(t, written...)
	for _, line := range []string{`omzmq queue: .*\bsize=[1-9].* discarded\.full=0\b`, `omzmq: .*\bfailed=\d+ suspended=\d+\b`} {
		want := regexp.MustCompile(line)
		eventually(t, patience, "impstats writes "+line, func() bool {
			text, _ := os.ReadFile(from.file("impstats.log")) // may not exist yet
			return want.Match(text)
		})
	}
	// What docs/operating.md shows of it.
	out, err := exec.Command("sh", "-c", documented(t, operatingPage, "## At a glance", "sh", 0, "/var/log/impstats.log", from.file("impstats.log"))).Output()
	shown := strings.ReplaceAll(regexp.QuoteMeta(documented(t, operatingPage, "## At a glance", "text", 0, "omzmq_acknowledged", "omzmq", "1042", "0")), "…", ".*")
	if want := regexp.MustCompile(`\A` + strings.ReplaceAll(shown, "size=0", `size=\d+`) + `\z`); err != nil || !want.Match(out) {
		t.Errorf("%v, printed\n%s\nwant\n%s", err, out, shown)
	}
	from.stop(t)
}
