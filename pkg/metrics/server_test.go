package metrics

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status/running"
)

// program is a program that a Server answers about.
type program struct {
	end func()
	log *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start serves about a program that has counted received lines, at an address.
func start(t *testing.T, address string, received uint64, owed delivery.State) *program {
	t.Helper()
	return startAs(t, "omzmq", address, received, owed)
}

// startAs is start for a program of that name.
func startAs(t *testing.T, name, address string, received uint64, owed delivery.State) *program {
	t.Helper()
	s := statistics.New(name, name)
	s.Add("received_total", "lines", func() uint64 { return received })
	s.Add("kafka_store_milliseconds_total", "time", func() uint64 { return 1500 })
	s.AddDivided("dropped_total", "messages", func() uint64 { return 9 }, "peer", func(yield func(string, uint64)) {
		yield("tcp://a:1", 4)
		yield("b\xff\"\n", 1)
		yield("b\"\n", 2) // another peer at the same Unix socket
	})
	h := statistics.Durations()
	h.ObserveDuration(3*time.Second, 2)
	s.AddHistogram("age_seconds", "age", h)
	p := &program{log: &syncBuffer{}}
	logger := slog.New(slog.NewTextHandler(p.log, nil))
	m := status.New(status.Source{Program: name, Metrics: address, Numbers: s, Owed: func() delivery.State { return owed }}, logger)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Serve(ctx, m, address, logger)
	}()
	p.end = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(p.end)
	return p
}

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// get returns what is at a path of an address; 0: nobody answers.
func get(address, path string) (code int, body string) {
	network, at, ok := strings.Cut(address, ":")
	if !ok || network != "unix" {
		network, at = "tcp", address
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial(network, at)
	}}}
	response, err := client.Get("http://localhost" + path)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func TestText(t *testing.T) {
	address := "unix:" + filepath.Join(t.TempDir(), "metrics")
	start(t, address, 7, delivery.State{})
	var text string
	eventually(t, "it answers", func() bool { code, body := get(address, "/metrics"); text = body; return code == 200 })
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if families["process_start_time_seconds"] == nil || families["go_goroutines"] == nil {
		t.Error("there is nothing about the process")
	}
	for _, want := range []string{
		"\nomzmq_received_total 7\n",
		"\nomzmq_kafka_store_seconds_total 1.5\n",
		`omzmq_dropped_total{peer="tcp://a:1"} 4` + "\n",
		`omzmq_dropped_total{peer="b\"\n"} 3` + "\n",
		`omzmq_dropped_total{peer=""} 2` + "\n",
		`omzmq_age_seconds_bucket{le="2.5"} 0` + "\n",
		`omzmq_age_seconds_bucket{le="5"} 2` + "\n",
		"omzmq_age_seconds_sum 6\n",
		"\nomzmq_well 1\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if code, _ := get(address, "/other"); code != 404 {
		t.Errorf("another path: %d", code)
	}
}

func TestHealth(t *testing.T) {
	address := "unix:" + filepath.Join(t.TempDir(), "metrics")
	start(t, address, 7, delivery.State{Unconfirmed: 3, Oldest: int64(time.Hour)})
	eventually(t, "it answers", func() bool { code, _ := get(address, "/livez"); return code == 200 })
	if code, body := get(address, "/healthz"); code != 503 || !strings.Contains(body, "3 messages are not confirmed, for 1h0m0s") {
		t.Errorf("%d %q", code, body)
	}
	if _, body := get(address, "/metrics"); !strings.Contains(body, "\nomzmq_well 0\n") || !strings.Contains(body, "\nomzmq_unconfirmed_age_seconds 3600\n") {
		t.Errorf("the metrics say nothing of it: %s", body)
	}
}

// Several processes have one address: whoever binds it answers for all, and when it ends, another does.
func TestShared(t *testing.T) {
	address := "unix:" + filepath.Join(t.TempDir(), "metrics")
	answers := func(lines ...string) func() bool {
		return func() bool {
			_, text := get(address, "/metrics")
			for _, line := range lines {
				if !strings.Contains(text, "\n"+line+"\n") {
					return false
				}
			}
			return strings.Count(text, "\nomzmq_received_total") == len(lines)
		}
	}
	first := start(t, address, 1, delivery.State{})
	eventually(t, "the first answers", answers("omzmq_received_total 1"))
	second := start(t, address, 2, delivery.State{Unconfirmed: 3, Oldest: int64(time.Hour)})
	eventually(t, "both are answered for", answers("omzmq_received_total 1", `omzmq_received_total{worker="2"} 2`))
	if code, body := get(address, "/healthz"); code != 503 || !strings.Contains(body, "3 messages") {
		t.Errorf("one of two is not well: %d %q", code, body)
	}
	first.end()
	eventually(t, "the second answers", answers(`omzmq_received_total{worker="2"} 2`))
	start(t, address, 4, delivery.State{})
	eventually(t, "both are answered for again", answers("omzmq_received_total 4", `omzmq_received_total{worker="2"} 2`))
	if log := second.log.String(); strings.Contains(log, "cannot") {
		t.Errorf("the second complains: %s", log)
	}
}

// A program does not end because its address is taken, and takes it as soon as it is free.
func TestTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	address := "unix:" + path
	p := start(t, address, 1, delivery.State{})
	eventually(t, "it says so", func() bool {
		return strings.Contains(p.log.String(), fmt.Sprintf("cannot serve --metrics there; it is tried again, and all else goes on\" at=%s", address))
	})
	l.Close()
	eventually(t, "it answers", func() bool { code, _ := get(address, "/metrics"); return code == 200 })
}

// Whoever holds the address may be anybody, and says what it likes. The program goes on.
func TestTakenByStranger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stranger := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "[null]") //nolint:errcheck // then the log says nothing
	})}
	go stranger.Serve(l) //nolint:errcheck // until it is closed
	defer stranger.Close()
	p := start(t, "unix:"+path, 1, delivery.State{})
	eventually(t, "it says so", func() bool { return strings.Contains(p.log.String(), "cannot serve --metrics there") })
}

// A process that is there and does not answer is not well, and does not keep the others from answering.
func TestStoppedWorker(t *testing.T) {
	address := "unix:" + filepath.Join(t.TempDir(), "metrics")
	start(t, address, 1, delivery.State{})
	eventually(t, "it answers", func() bool { code, _ := get(address, "/healthz"); return code == 200 })
	for range 4 { // one after the other, they would take longer than an answer may
		l, _, err := running.Listen("omzmq", running.GroupOf(address))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	code, body := get(address, "/healthz")
	if code != 503 || !strings.Contains(body, "worker 3 cannot be asked: no answer within") {
		t.Errorf("%d %q", code, body)
	}
	if code, _ := get(address, "/metrics"); code != 200 {
		t.Errorf("the metrics of those that answer: %d", code)
	}
}

// Programs of another kind would publish the same series of their processes.
func TestOtherProgram(t *testing.T) {
	address := "unix:" + filepath.Join(t.TempDir(), "metrics")
	start(t, address, 1, delivery.State{})
	eventually(t, "it answers", func() bool { code, _ := get(address, "/livez"); return code == 200 })
	startAs(t, "imzmq", address, 1, delivery.State{})
	group := running.GroupOf(address)
	eventually(t, "the other one listens", func() bool {
		names, err := running.Find()
		return err == nil && slices.ContainsFunc(names, func(n running.Name) bool { return n.Program == "imzmq" && n.Group == group })
	})
	if _, text := get(address, "/metrics"); strings.Count(text, "\ngo_goroutines ") != 1 || strings.Contains(text, "imzmq") {
		t.Errorf("two processes are published as one: %s", text)
	}
}
