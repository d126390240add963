package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// docs/redis.md, executed as it stands except for addresses and paths.

const redisPage = "docs/redis.md"

// redisArguments turns the lines of a redis.conf into command-line arguments.
func redisArguments(conf string) (args []string) {
	for line := range strings.Lines(conf) {
		args = append(args, strings.Fields("--"+line)...)
	}
	return args
}

// shell runs a script in a folder of its own; its redis-cli talks to the server.
func shell(t *testing.T, server *redistest.Server, script string) (p *process, folder string) {
	t.Helper()
	folder = t.TempDir()
	script = fmt.Sprintf("redis-cli() { command redis-cli -p %d \"$@\"; }\n%s", server.Port(), script)
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that redis-cli ends with the shell
	return start(t, "worker", cmd), folder
}

func TestRedisPageChain(t *testing.T) { redistest.Each(t, testRedisPageChain) }

func testRedisPageChain(t *testing.T, redisServer string) {
	t.Parallel()
	server := redistest.StartProgram(t, redisServer, redisArguments(documented(t, redisPage, "## The whole chain", "redis", 0))...)
	unit := documented(t, redisPage, "## The whole chain", "systemd", 0,
		packagedImzmq, program("imzmq"), "tcp://*:5555", "tcp://127.0.0.1:0", "127.0.0.1:6379", server.Addr())
	command := strings.Fields(regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(unit)[1])
	imzmq := start(t, "imzmq", exec.Command(command[0], command[1:]...))
	from := startRsyslogd(t, likeDebian(documented(t, redisPage, "## The whole chain", "rsyslog", 0,
		packagedOmzmq, program("omzmq"), "queue.example.com:5555", "127.0.0.1:"+imzmq.boundPort(t),
		"/var/log/", "[dir]/", "/var/spool/rsyslog/", "[dir]/")))
	from.logLines(t, written...)
	worker, folder := shell(t, server, documented(t, redisPage, "## Workers", "sh", 0))
	eventually(t, patience, "a worker has the lines", func() bool {
		text, _ := os.ReadFile(filepath.Join(folder, "worked.log")) // may not exist yet
		return strings.Contains(string(text), written[0]+"\n") && strings.Count(string(text), "\n") >= len(written)
	})
	worker.kill()
	if n := server.Do("exists", "logs"); n != int64(0) {
		t.Error("the worker left elements in the list")
	}
	from.stop(t)
	imzmq.stop(t)
}

// wantWorked waits until a worker has written texts and nothing else.
func wantWorked(t *testing.T, folder string, texts ...string) {
	t.Helper()
	want := strings.Join(texts, "\n") + "\n"
	var got []byte
	if !polled(patience, func() bool {
		got, _ = os.ReadFile(filepath.Join(folder, "worked.log")) // may not exist yet
		return string(got) == want
	}) {
		t.Errorf("worked on %q, want %q", got, want)
	}
}

func TestRedisPageReliableWorker(t *testing.T) { redistest.Each(t, testRedisPageReliableWorker) }

func testRedisPageReliableWorker(t *testing.T, redisServer string) {
	server := redistest.StartProgram(t, redisServer)
	server.Do("rpush", "logs:worker1", "left behind")
	server.Do("rpush", "logs", "a b", `"c" $x \n`, "*")
	worker, folder := shell(t, server, documented(t, redisPage, "## Workers", "sh", 1))
	wantWorked(t, folder, "left behind", "a b", `"c" $x \n`, "*")
	eventually(t, patience, "the lists are empty", func() bool { return server.Do("exists", "logs", "logs:worker1") == int64(0) })
	worker.kill()
}

// An error reply of Redis is not a message: the worker ends and has lost nothing.
func TestRedisPageReliableWorkerMeetsAnError(t *testing.T) {
	redistest.Each(t, testRedisPageReliableWorkerMeetsAnError)
}

func testRedisPageReliableWorkerMeetsAnError(t *testing.T, redisServer string) {
	server := redistest.StartProgram(t, redisServer)
	server.Do("rpush", "logs", "a", "b")
	for _, command := range []string{"lindex", "blmove", "lpop"} {
		server.Do("acl", "setuser", "default", "-"+command)
		worker, folder := shell(t, server, documented(t, redisPage, "## Workers", "sh", 1))
		worker.exit(t)
		if text, _ := os.ReadFile(filepath.Join(folder, "worked.log")); strings.Contains(string(text), "NOPERM") {
			t.Errorf("without %s the worker got %q", command, text)
		}
		server.Do("acl", "setuser", "default", "+"+command)
	}
	if all := append(server.List("logs:worker1"), server.List("logs")...); strings.Join(all, " ") != "a b" {
		t.Errorf("left: %q", all)
	}
}

func TestRedisPageConsumerGroup(t *testing.T) { redistest.Each(t, testRedisPageConsumerGroup) }

func testRedisPageConsumerGroup(t *testing.T, redisServer string) {
	t.Parallel()
	server := redistest.StartProgram(t, redisServer)
	worker, folder := shell(t, server, documented(t, redisPage, "## Workers", "sh", 2))
	eventually(t, patience, "a group", func() bool { return server.Do("exists", "logs") == int64(1) })
	server.Do("xadd", "logs", "*", "topic", "t", "message", "a b")
	server.Do("xadd", "logs", "*", "topic", "", "message", "c")
	wantWorked(t, folder, "topic", "t", "message", "a b", "topic", "", "message", "c")
	eventually(t, patience, "nothing is pending", func() bool { return server.Do("xpending", "logs", "workers").([]any)[0] == int64(0) })
	worker.kill()
}

// What the page allows imzmq's user is enough, including what the warning about maxmemory-policy and WAIT
// need.
func TestRedisPageUser(t *testing.T) { redistest.Each(t, testRedisPageUser) }

func testRedisPageUser(t *testing.T, redisServer string) {
	server := redistest.StartProgram(t, redisServer, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	setup, _ := shell(t, server, documented(t, redisPage, "## Users, passwords, TLS", "sh", 0))
	if code := setup.exit(t); code != 0 {
		t.Fatalf("redis-cli ended with %d", code)
	}
	cmd := exec.Command(program("imzmq"), "--bind", "tcp://127.0.0.1:0", "--socket", "pull", "--max-list", "10",
		"--to", "redis://imzmq@"+server.Addr()+"/0?list=logs")
	cmd.Env = append(os.Environ(), "REDIS_PASSWORD=secret")
	imzmq := start(t, "imzmq", cmd)
	push := exec.Command(program("omzmq"), "--socket", "push", "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))
	push.Stdin = strings.NewReader("a\nb\n")
	if out, err := push.Output(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	eventually(t, patience, "the messages", func() bool { return strings.Join(server.List("logs"), " ") == "a b" })
	imzmq.logged(t, "maxmemory-policy is allkeys-lru")
	imzmq.stop(t)
}
