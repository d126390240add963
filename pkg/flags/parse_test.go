package flags

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

func TestArguments(t *testing.T) {
	tests := []struct {
		meaning       Arguments
		connect, bind []string
		wrong         string
	}{
		{meaning: ConnectArguments, connect: []string{"tcp://127.0.0.1:2", "tcp://127.0.0.1:1"}},
		{meaning: BindArguments, connect: []string{"tcp://127.0.0.1:2"}, bind: []string{"tcp://127.0.0.1:1"}},
		{meaning: NoArguments, wrong: `unexpected argument "tcp://127.0.0.1:1"`},
	}
	for _, test := range tests {
		c := &Common{Arguments: test.meaning}
		args := []string{"tcp://127.0.0.1:1", "--connect", "tcp://127.0.0.1:2"}
		err := c.Parse(NewSet(Program{Name: "p"}, c), "", args, io.Discard)
		if test.wrong != "" {
			wantUsageError(t, err, test.wrong)
			continue
		}
		if err != nil || !slices.Equal(c.Connect, test.connect) || !slices.Equal(c.Bind, test.bind) {
			t.Errorf("meaning %d: connect %q, bind %q, %v", test.meaning, c.Connect, c.Bind, err)
		}
	}
}

func wantUsageError(t *testing.T, err error, text string) {
	t.Helper()
	var usage *UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), text) {
		t.Errorf("the error is %v, want a usage error with %q", err, text)
	}
}

func TestWrongValues(t *testing.T) {
	for wrong, args := range map[string][]string{
		"no endpoint":                                                               {},
		"--connect: endpoint":                                                       {"--connect", "x"},
		"--bind: endpoint":                                                          {"--bind", "x"},
		`"--hwm" flag: it must lie between 1 and`:                                   {"--bind", "tcp://*:1", "--hwm", "0"},
		`"--hwm" flag: it must lie between 1 a`:                                     {"--bind", "tcp://*:1", "--hwm", "9223372036854775807"},
		`"--hwm" flag: write a number from 1 to`:                                    {"--bind", "tcp://*:1", "--hwm", "9223372036854775808"},
		`"--reconnect" flag: it must lie between 1ms`:                               {"--bind", "tcp://*:1", "--reconnect", "0s"},
		"the longest wait cannot be shorter":                                        {"--bind", "tcp://*:1", "--reconnect-max", "1ms"},
		`"--heartbeat" flag: it must lie between 0 and 87600h`:                      {"--bind", "tcp://*:1", "--heartbeat", "-1s"},
		`"--linger" flag: it must lie`:                                              {"--bind", "tcp://*:1", "--linger", "2562047h"},
		`"--bind-retry" flag: write a time, such as 500ms or 10s, from 0 to 87600h`: {"--bind", "tcp://*:1", "--bind-retry", "10"},
		`--log-level "loud": write debug`:                                           {"--bind", "tcp://*:1", "--log-level", "loud"},
		`--log-format "xml": write text or json`:                                    {"--bind", "tcp://*:1", "--log-format", "xml"},
		"unknown flag: --unknown":                                                   {"--bind", "tcp://*:1", "--unknown"},
		"write a number of bytes, such as 65536,":                                   {"--bind", "tcp://*:1", "--max-message-size", "1TiB"},
	} {
		_, err := parse(args...)
		wantUsageError(t, err, wrong)
	}
}

func TestVersion(t *testing.T) {
	c, out := &Common{}, &bytes.Buffer{}
	if err := c.Parse(NewSet(Program{Name: "p"}, c), "1.2", []string{"--version"}, out); !errors.Is(err, ErrHelp) {
		t.Error(err)
	}
	if got := out.String(); got != "p 1.2\n" {
		t.Errorf("the version is printed as %q", got)
	}
}

// A program that names its endpoints otherwise has no --connect, and is not asked for one.
func TestSetWithoutEndpoints(t *testing.T) {
	c := &Common{}
	fs := NewSetWithoutEndpoints(Program{Name: "p"}, c)
	if fs.Lookup("connect") != nil || fs.Lookup("bind") != nil {
		t.Error("the set has --connect or --bind")
	}
	if err := c.Parse(fs, "", nil, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestLogger(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	for _, test := range []struct {
		level, format string
		least         slog.Level
		line          string
	}{
		{"debug", "text", slog.LevelDebug, "level=DEBUG msg=hello pid=" + pid + "\n"},
		{"info", "json", slog.LevelInfo, `"level":"INFO","msg":"hello","pid":` + pid + "}\n"},
		{"warn", "text", slog.LevelWarn, "level=WARN msg=hello pid=" + pid + "\n"},
		{"error", "json", slog.LevelError, `"level":"ERROR","msg":"hello","pid":` + pid + "}\n"},
	} {
		c, err := parse("--bind", "tcp://*:1", "--log-level", test.level, "--log-format", test.format)
		if err != nil {
			t.Fatal(err)
		}
		if got := dropped(t, c); !strings.Contains(got, "log lines were dropped") || !strings.Contains(got, "lines") {
			t.Errorf("level %s, format %s: nothing about dropped lines in %.300q", test.level, test.format, got)
		}
		var out bytes.Buffer
		logger := c.logger(&out, false)
		logger.Log(t.Context(), test.least-1, "too little")
		logger.Log(t.Context(), test.least, "hello")
		if got := out.String(); !strings.HasSuffix(got, test.line) || strings.Count(got, "\n") != 1 {
			t.Errorf("level %s, format %s: logged %q, want one line that ends with %q", test.level, test.format, got, test.line)
		}
	}
}

// dropped returns what is logged after more lines than have room while nobody reads them.
func dropped(t *testing.T, c *Common) string {
	t.Helper()
	r, file, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stderr := log.NewWriter(file)
	logger := c.Logger(stderr)
	for range 20_000 {
		logger.Error(strings.Repeat("x", 100))
	}
	read := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		read <- strings.ReplaceAll(string(all), strings.Repeat("x", 100), "")
	}()
	stderr.Close("")
	file.Close()
	all := <-read
	return all[max(0, strings.Index(all, "dropped")-100):]
}

// What goes to systemd's journal has priorities, and neither times nor levels.
func TestJournalHasTimes(t *testing.T) {
	for format, want := range map[string]string{
		"text": "<6>msg=a level=7\n<4>msg=b\n<3>omzmq: failed\n",
		"json": `<6>{"msg":"a","level":7}` + "\n" + `<4>{"msg":"b"}` + "\n<3>omzmq: failed\n",
	} {
		r, file, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var stat unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
			t.Fatal(err)
		}
		t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", stat.Dev, stat.Ino))
		c, err := parse("--bind", "tcp://*:1", "--log-format", format)
		if err != nil {
			t.Fatal(err)
		}
		stderr := log.NewWriter(file)
		logger := c.Logger(stderr)
		logger.Info("a", "level", 7)
		logger.Warn("b")
		if code := Exit("omzmq", errors.New("failed"), stderr); code != ExitFailure {
			t.Errorf("exit code %d", code)
		}
		file.Close()
		got, err := io.ReadAll(r)
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", format, got, err, want)
		}
		r.Close()
	}
}

// What a peer says is logged, but not all of a long text.
func TestLongTextsAreCut(t *testing.T) {
	c, err := parse("--bind", "tcp://*:1")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	long := strings.Repeat("ä", 10_000)
	c.logger(&out, false).Info("hello", "reason", errors.New(long), "text", long, "n", 5)
	if n := out.Len(); n > 2*maxText+200 || !strings.Contains(out.String(), "ä… n=5") {
		t.Errorf("%d bytes are logged: %.100q", n, out.String())
	}
}

func TestCheckPrefixes(t *testing.T) {
	if err := CheckPrefixes("topic", []string{"", "a.", strings.Repeat("x", maxPrefix)}); err != nil {
		t.Error(err)
	}
	wantUsageError(t, CheckPrefixes("topic", []string{strings.Repeat("x", maxPrefix+1)}), "--topic: a prefix of 4097 bytes")
	many := make([]string, 20_000)
	for i := range many {
		many[i] = strconv.Itoa(i)
	}
	wantUsageError(t, CheckPrefixes("topic", many), "--topic: more prefixes than")
}

// rsyslog hands quotes on. A program that it starts refuses an argument with quotes around it; others do not.
func TestQuotes(t *testing.T) {
	for args, wrong := range map[string]bool{
		`--bind|'tcp://*:1'`:               true,
		`--bind|tcp://*:1|--dns="a"`:       true,
		`--bind|tcp://*:1|--dns|'a`:        true,
		`--bind|tcp://*:1|b'`:              true,
		`--bind|tcp://*:1|--delimiter|"`:   false,
		`--bind|tcp://*:1|--delimiter='`:   false,
		`--bind|tcp://*:1|--delimiter|a"b`: false,
	} {
		for _, plugin := range []bool{true, false} {
			c := &Common{}
			fs := NewSet(Program{Name: "p", Plugin: plugin}, c)
			fs.String("delimiter", "", "")
			err := c.Parse(fs, "", strings.Split(args, "|"), io.Discard)
			if got := err != nil && strings.Contains(err.Error(), "leave them out"); got != (wrong && plugin) {
				t.Errorf("%s, of a plugin: %v: %v", args, plugin, err)
			}
		}
	}
}
