package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// askStatus runs a command status, and returns what it prints, and its exit code.
func askStatus(t *testing.T, name string, args ...string) (text string, code int) {
	t.Helper()
	out, err := exec.Command(program(name), append([]string{"status"}, args...)...).Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	} else if err != nil {
		code = exit.ExitCode()
	}
	return string(out), code
}

// says waits until a program's status ends with an exit code and matches an expression.
func says(t *testing.T, code int, expression, name string, args ...string) {
	t.Helper()
	re := regexp.MustCompile(expression)
	var text string
	var got int
	if !polled(patience, func() bool {
		text, got = askStatus(t, name, args...)
		return got == code && re.MatchString(text)
	}) {
		t.Fatalf("%s status ends with %d, not with %d and %q:\n%s", name, got, code, expression, text)
	}
}

// All is well; the receiver goes, and rsyslog is told of failures; the receiver is back.
func TestStatusOfAPath(t *testing.T) {
	t.Parallel()
	l := lines{seed: 78}
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "-")
	endpoint := "tcp://127.0.0.1:" + imzmq.boundPort(t)
	dir := folder(t)
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--name main --send-timeout 1s --reconnect-max 200ms --metrics unix:"+dir+"/m --connect "+endpoint, memoryQueue))
	from.feed(t, l, 0, 1000)
	says(t, 0, `(?s)^omzmq "main", pid \d+, .*: WELL\n.*up for .*unconfirmed  nothing\n.*confirmed    1,000 \(`, "omzmq", "unix:"+dir+"/m")

	imzmq.kill()
	from.feed(t, l, 1000, 1500)
	says(t, 1, `(?s): NOT WELL\n  ! `+endpoint+` is away: connection refused \(for .*  ! rsyslog was told of a failure: \d* ?.*`+
		`no peer is connected \(`+endpoint+`: connection refused\) after 1s \(for .*last failure`, "omzmq", "unix:"+dir+"/m")

	again := startImzmq(t, "--bind", endpoint, "--to", "-")
	says(t, 0, `: WELL\n`, "omzmq", "unix:"+dir+"/m")
	from.stop(t)
	again.stop(t)
	text, err := os.ReadFile(from.file("omzmq.log"))
	if err != nil {
		t.Fatal(err)
	}
	logged := string(text)
	for _, want := range []string{
		`msg="rsyslog was told of a failure: it sends the messages again, and may suspend the action before" name=main reason=".*no peer is connected`,
		`msg="rsyslog's messages are confirmed again" name=main after=\S+ failures=\d+ pid=\d+\n`,
		`msg="peer connected" name=main endpoint=\S+ peer=\S+ after=\S+ unconfirmed=\d+ pid=\d+\n`,
	} {
		if n := len(regexp.MustCompile(want).FindAllString(logged, -1)); n == 0 {
			t.Errorf("omzmq does not log %q:\n%s", want, tail(logged, 3000))
		}
	}
}

// Programs are found without an address. A script gets JSON.
func TestStatusFindsPrograms(t *testing.T) {
	t.Parallel()
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "-", "--name", "found")
	var found struct {
		Programs []struct {
			Program, Name string
			PID           int `json:"pid"`
			Well          bool
			Endpoints     []struct{ Endpoint string }
		}
	}
	eventually(t, patience, "imzmq is found", func() bool {
		text, _ := askStatus(t, "imzmq", "--json") // other tests' programs are found, too, and may not be well
		if err := json.Unmarshal([]byte(text), &found); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		for _, p := range found.Programs {
			if p.PID == imzmq.pid() {
				return p.Program == "imzmq" && p.Name == "found" && p.Well && p.Endpoints[0].Endpoint == "tcp://127.0.0.1:"+imzmq.boundPort(t)
			}
		}
		return false
	})
	stopped := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "-", "--metrics", "unix:"+folder(t)+"/m")
	at := stopped.cmd.Args[len(stopped.cmd.Args)-1]
	says(t, 0, `: WELL\n`, "imzmq", at)
	stopped.signal(t, syscall.SIGSTOP)
	says(t, 1, `  ! it cannot be asked: no answer within 3s: is the process stopped\? It is pid `+strconv.Itoa(stopped.pid())+`: if ps shows T, kill -CONT \d+ lets it go on\n`, "imzmq", at)
	stopped.signal(t, syscall.SIGCONT)
	says(t, 1, `^unix:/nowhere: NOT WELL\n  ! it cannot be asked: .*no such file or directory\n$`, "imzmq", "unix:/nowhere")
}

// Redis refuses messages: both ends say why.
func TestStatusOfARefusal(t *testing.T) {
	t.Parallel()
	server := redistest.StartProgram(t, "redis-server")
	server.Do("set", redisKey, "no list")
	dir := folder(t)
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "redis://"+server.Addr()+"/0?list="+redisKey, "--metrics", "unix:"+dir+"/im")
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--metrics unix:"+dir+"/om --connect tcp://127.0.0.1:"+imzmq.boundPort(t), memoryQueue))
	from.feed(t, lines{seed: 79}, 0, 10)
	says(t, 1, `(?s)  ! redis://\S+ refuses messages: .*WRONGTYPE`, "imzmq", "unix:"+dir+"/im")
	says(t, 1, `(?s)  ! (\d+ messages are refused, and sent again|rsyslog was told of a failure): .*WRONGTYPE`, "omzmq", "unix:"+dir+"/om")
	server.Do("del", redisKey)
	says(t, 0, `confirmed    10 `, "omzmq", "unix:"+dir+"/om")
	from.stop(t)
	imzmq.stop(t)
}

// A destination that is away is shown before a message comes, and what it stored last once some have.
func TestStatusOfAnIdleDestination(t *testing.T) {
	t.Parallel()
	server := redistest.StartProgram(t, "redis-server")
	server.Kill()
	dir := folder(t)
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "redis://"+server.Addr()+"/0?list="+redisKey, "--metrics", "unix:"+dir+"/redis")
	startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "relp://"+strings.TrimPrefix(nowhere(t), "tcp://"), "--metrics", "unix:"+dir+"/relp")
	says(t, 1, `: NOT WELL\n  ! redis://\S+ stores nothing: .*connection refused.*\n(.*\n)*  to  .* stored nothing yet; away for `, "imzmq", "unix:"+dir+"/redis")
	says(t, 1, `: NOT WELL\n  ! relp://\S+ stores nothing: .*connection refused`, "imzmq", "unix:"+dir+"/relp")
	server.Restart()
	says(t, 0, ` stored nothing yet\n`, "imzmq", "unix:"+dir+"/redis")
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--connect tcp://127.0.0.1:"+imzmq.boundPort(t), memoryQueue))
	from.feed(t, lines{seed: 80}, 0, 10)
	says(t, 0, ` stored last \S+ ago\n`, "imzmq", "unix:"+dir+"/redis")
	from.stop(t)
}

// Every sender is refused: imzmq says so, and why.
func TestStatusOfRefusedSenders(t *testing.T) {
	t.Parallel()
	c := certify(t)
	dir := folder(t)
	imzmq := startImzmq(t, append(c.server(), "--bind", "tcp://127.0.0.1:0", "--to", "-", "--metrics", "unix:"+dir+"/m")...)
	says(t, 0, `: WELL\n`, "imzmq", "unix:"+dir+"/m")
	startPiped(t, "omzmq", exec.Command(program("omzmq"), "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t)))
	says(t, 1, `: NOT WELL\n  ! connections are refused, the last one of tcp://127\S+: .*NULL.* \(for (.*\n)*  refused      tcp://127\S+, \S+ ago\n`, "imzmq", "unix:"+dir+"/m")
}

// The disk has no room for a journal, and then it has.
func TestStatusOfAFullDisk(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	disk := dir + "/disk"
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	const fill = `mount -t tmpfs -o size=4m none "$0" && ! dd if=/dev/zero of="$0/full" bs=64k 2>/dev/null && exec "$@"`
	omzmq := exec.Command("sh", "-c", fill, disk, program("omzmq"), "--connect", nowhere(t), "--send-timeout", "100ms", "--journal", disk+"/journal", "--metrics", "unix:"+dir+"/m")
	omzmq.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		omzmq.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		omzmq.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	p, in, out := startPiped(t, "omzmq", omzmq)
	sent := 0 // each line is another: one that is sent again gets no other place
	send := func() {
		sent++
		if _, err := fmt.Fprintf(in, "line %d\n", sent); err != nil {
			t.Fatal(err)
		}
		if _, err := out.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	const full = `: NOT WELL\n(.*\n)*  ! there is no room for a journal in \S+: no space left on device \(for `
	says(t, 1, full, "omzmq", "unix:"+dir+"/m")
	send()
	says(t, 1, full, "omzmq", "unix:"+dir+"/m")
	if err := os.Remove("/proc/" + strconv.Itoa(p.pid()) + "/root" + disk + "/full"); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "there is room", func() bool {
		send()
		text, _ := askStatus(t, "omzmq", "unix:"+dir+"/m")
		return !strings.Contains(text, "no room") && strings.Contains(text, "  journal  ")
	})
}

// A killed omzmq has left messages in its journal: they are shown also while none is running.
func TestStatusOfAJournal(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	journal := dir + "/journal"
	omzmq := exec.Command(program("omzmq"), "--connect", nowhere(t), "--journal", journal, "--metrics", "unix:"+dir+"/m")
	p, in, out := startPiped(t, "omzmq", omzmq)
	if _, err := in.Write([]byte("a line\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := out.ReadString('.'); err != nil { // it waits for a peer: the line is journaled
		t.Fatal(err)
	}
	says(t, 1, `  journal      \S+  1 unconfirmed, of pid `+strconv.Itoa(p.pid())+`\njournals in `+journal+`\n  journal      \S+  1 unconfirmed, of pid `,
		"omzmq", "unix:"+dir+"/m", "--journal", journal)
	p.signal(t, syscall.SIGKILL)
	<-p.ended
	says(t, 1, `! journal \S+: 1 messages of an omzmq that has ended wait for the next one \(for `, "omzmq", "unix:"+dir+"/m", "--journal", journal)
}
