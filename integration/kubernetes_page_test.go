package integration

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// packaging/kubernetes/, without a cluster.

// Kubernetes' own types know every field.
func TestKubernetesManifests(t *testing.T) {
	t.Parallel()
	check := filepath.Join(t.TempDir(), "check")
	build := exec.Command("go", "build", "-o", check, ".")
	build.Dir = "peers/kubernetes"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, _ := filepath.Glob(repository() + "/packaging/kubernetes/*.yaml") // the pattern is valid
	seen := 0
	for _, file := range files {
		cmd := exec.Command(check)
		cmd.Stdin = strings.NewReader(source(t, "packaging/kubernetes/"+filepath.Base(file)))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %s", file, out)
		}
		seen += strings.Count(string(out), "\n")
	}
	if seen < 6 {
		t.Errorf("only %d objects were found", seen)
	}
}

// manifestArgs are the args of a manifest's container.
func manifestArgs(t *testing.T, manifest string) (args []string) {
	t.Helper()
	_, rest, _ := strings.Cut(manifest, "\n          args:\n")
	for line := range strings.Lines(rest) {
		arg, is := strings.CutPrefix(line, "            - ")
		if !is {
			break
		}
		args = append(args, strings.Trim(strings.TrimSpace(arg), `"`))
	}
	return args
}

// metricsAt puts another address after --metrics.
func metricsAt(address, command string) string {
	return regexp.MustCompile(` --metrics :\d+`).ReplaceAllString(command, " --metrics "+address)
}

// answersProbe waits until a program answers a probe with 200.
func answersProbe(t *testing.T, address, path string) {
	t.Helper()
	eventually(t, patience, "200 at "+address+path, func() bool {
		response, err := http.Get("http://" + address + path)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// A container's line reaches Redis, encrypted, and a subscriber of the node.
func TestKubernetesPath(t *testing.T) {
	t.Parallel()
	server, keys := redistest.StartProgram(t, "redis-server"), makeKeyring(t, "server", "client")
	keys.allow(t, "client")
	probed := "127.0.0.1:" + freePort(t)
	words := strings.Join(manifestArgs(t, source(t, "packaging/kubernetes/receiver.yaml")), " ")
	receive := strings.Fields(strings.NewReplacer("tcp://*:5555", "tcp://127.0.0.1:0", "redis.logging.svc.cluster.local:6379", server.Addr(),
		"/keys/", keys.dir+"/", "/clients", keys.path("clients")).Replace(metricsAt(probed, words)))
	imzmq := start(t, "imzmq", exec.Command(program("imzmq"), receive...))
	_, conf, _ := strings.Cut(source(t, "packaging/kubernetes/node.yaml"), "  rsyslog.conf: |\n")
	conf, _, _ = strings.Cut(conf, "\n---\n")
	publish, containers := nowhere(t), folder(t)
	conf = strings.NewReplacer("tcp://*:5556", publish, "dns+tcp://imzmq.logging.svc.cluster.local:5555", "tcp://127.0.0.1:"+imzmq.boundPort(t),
		"/var/spool/rsyslog", "[dir]", "/keys/", keys.dir+"/", "/var/log/containers", containers, packagedOmzmq, program("omzmq"),
		"/dev/stderr", "[dir]/omzmq.log", `getenv("NODE_NAME")`, `"node-1"`).Replace(metricsAt("127.0.0.1:"+freePort(t), conf))
	from := startRsyslogd(t, conf)
	sub := startPeer(t, "SUB", "--connect", publish, "--subscribe", "node-1/")
	log, err := os.OpenFile(containers+"/web.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	eventually(t, patience, "the line arrives", func() bool {
		if _, err := log.WriteString("2026-01-02T03:04:05Z stdout F hello\n"); err != nil {
			t.Fatal(err)
		}
		return len(sub.messages) > 0 && slices.ContainsFunc(server.List("logs"), func(line string) bool {
			return strings.Contains(line, `"host":"node-1"`) && strings.Contains(line, "stdout F hello")
		})
	})
	imzmq.wantUser(t, "client")
	answersProbe(t, probed, "/livez")
	answersProbe(t, probed, "/healthz")
	from.stop(t)
	imzmq.stop(t)
}
