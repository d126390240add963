package check

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check/rsyslogconf"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
)

// flagsOf stands for a program's own parsing.
func flagsOf(args []string) (*Subject, error) {
	s := &Subject{ByRsyslog: true, Owes: true, Stored: true, Linger: 4 * time.Second, SendTimeout: 30 * time.Second,
		Marks: [2]string{omprog.DefaultBeginMark, omprog.DefaultCommitMark}}
	for i := 0; i < len(args); i++ {
		value := func() string {
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		switch args[i] {
		case "--connect":
			s.Endpoints = append(s.Endpoints, value())
		case "--bind":
			s.Endpoints, s.Binds = append(s.Endpoints, value()), true
		case "--journal":
			s.Journal = value()
		case "--begin-mark":
			s.Marks[0] = value()
		case "--check":
			s.Checks = true
		case "--pub":
			s.Owes, s.Stored = false, false
		case "--received":
			s.Stored = false
		default:
			return nil, errors.New("unknown flag: " + args[i])
		}
	}
	return s, nil
}

// executable makes a program with a name.
func executable(t *testing.T, name string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkText checks a configuration without asking rsyslogd, and returns the report.
func checkText(p Program, name, text string, own *Subject) string {
	config := rsyslogconf.Parse(name, text, rsyslogconf.Files{
		Read: func(string, int) ([]byte, error) { return nil, os.ErrNotExist },
		Glob: func(string) ([]string, error) { return nil, nil },
	})
	var out bytes.Buffer
	c := &configured{Report: NewReport(&out), program: p, config: config, path: name, whole: name == "rsyslog.conf"}
	c.check(context.Background(), own)
	return out.String()
}

// flawless is an action of which nothing is to be said.
const flawless = `module(load="omprog")
global(workDirectory="/w")
template(name="line" type="string"
	string="<%pri%>1 %hostname% %msg:::escape-cc%\n")
action(type="omprog" name="out" template="line"
	binary="PROGRAM --connect tcp://a:1 --journal /j"
	confirmMessages="on" useTransactions="on" killUnresponsive="on" output="/o"
	queue.type="LinkedList" queue.filename="q" queue.saveOnShutdown="on" queue.timeoutShutdown="10000"
	queue.size="10000" queue.dequeueBatchSize="1000"
	action.resumeRetryCount="-1")
`

func omzmq(t *testing.T) (p Program, path string) {
	t.Helper()
	return Program{Name: "omzmq", Object: "action", Module: "omprog", Parse: flagsOf}, executable(t, "omzmq", 0o755)
}

func TestFlawless(t *testing.T) {
	p, path := omzmq(t)
	got := checkText(p, "rsyslog.conf", strings.ReplaceAll(flawless, "PROGRAM", path), nil)
	if strings.Contains(got, "WRONG") || strings.Contains(got, "warning") || strings.Contains(got, "note") {
		t.Error(got)
	}
}

// Each fault is named with its place and its cure, and nothing else is.
func TestFaults(t *testing.T) {
	const wrong, warning = "WRONG", "warning"
	p, path := omzmq(t)
	plain := executable(t, "omzmq", 0o644)
	for _, test := range []struct {
		name     string
		old, new string // in the flawless configuration
		level    string
		kind     Kind
		place    string
	}{
		{"not confirmed", `confirmMessages="on" `, ``, wrong, NotConfirmed, "5"},
		{"not confirmed, off", `confirmMessages="on"`, `confirmMessages="off"`, wrong, NotConfirmed, "7"},
		{"no journal", ` --journal /j`, ``, wrong, NoJournal, "7"},
		{"no journal, weaker", ` --journal /j`, ` --received`, warning, NoJournal, "7"},
		{"no transactions", `useTransactions="on"`, `USETRANSACTIONS="off"`, warning, NoTransactions, "7"},
		{"begin mark", `useTransactions="on"`, `useTransactions="on" beginTransactionMark="B"`, wrong, MarksDiffer, "7"},
		{"begin flag", ` --journal`, ` --begin-mark B --journal`, wrong, MarksDiffer, "5"},
		{"confirmTimeout of a second", `confirmMessages`, `confirmTimeout="1000" confirmMessages`, wrong, ShortConfirm, "7"},
		{"confirmTimeout of two seconds", `confirmMessages`, `confirmTimeout="2000" confirmMessages`, warning, ShortConfirm, "7"},
		{"bound", `--connect`, `--bind`, wrong, SeveralBind, "5"},
		{"workers", `queue.type`, `forceSingleInstance="on" queue.workerThreads="2" queue.type`, warning, SharedPipe, "8"},
		{"not killed", `killUnresponsive="on" `, ``, warning, NotKilled, "5"},
		{"closeTimeout", `output=`, `closeTimeout="4000" output=`, warning, ShortClose, "7"},
		{"hup.signal", `output=`, `hup.signal="usr1" output=`, wrong, EndsAtHUP, "7"},
		{"no output", ` output="/o"`, ``, warning, LogLost, "5"},
		{"small queue", `queue.size="10000"`, `queue.size="1000"`, wrong, SmallQueue, "9"},
		{"smallish queue", `queue.size="10000"`, `queue.size="3k"`, warning, SmallQueue, "9"},
		{"usual size", `queue.size="10000" `, ``, wrong, SmallQueue, "5"},
		{"no queue", `queue.type="LinkedList" `, ``, warning, DirectQueue, "5"},
		{"memory", `queue.filename="q" `, ``, wrong, MemoryQueue, "8"},
		{"not saved", `queue.saveOnShutdown="on" `, ``, wrong, NotSaved, "5"},
		{"timeoutShutdown", ` queue.timeoutShutdown="10000"`, ``, warning, ShortShutdown, "5"},
		{"gives up", `action.resumeRetryCount="-1"`, ``, wrong, GivesUp, "5"},
		{"gives up late", `resumeRetryCount="-1"`, `resumeRetryCount="10"`, wrong, GivesUp, "10"},
		{"no such template", `template="line"`, `template="Line"`, wrong, NoTemplate, "5"},
		{"no line feed", `%msg:::escape-cc%\n`, `%msg:::escape-cc%`, wrong, NoLineFeed, "3"},
		{"two lines", `%hostname% %`, `%hostname%\n%`, wrong, InnerLineFeed, "3"},
		{"raw", `%msg:::escape-cc%`, `%msg%`, warning, RawLineFeed, "3"},
		{"raw, not escaped", `global(`, "global(parser.escapeControlCharactersOnReceive=\"off\" ", wrong, RawLineFeed, "3"},
		{"forgeable", `<%pri%>1 %hostname% `, ``, wrong, Forgeable, "3"},
		{"a built-in template without line feed", `template="line"`, `template="RSYSLOG_ForwardFormat"`, wrong, NoLineFeed, "5"},
		{"a plugin", `type="string"`, `type="plugin"`, warning, UnknownTemplate, "5"},
		{"relative", `"PROGRAM`, `"omzmq`, wrong, NotAbsolute, "6"},
		{"not there", `"PROGRAM`, `"/nowhere/omzmq`, wrong, NotThere, "6"},
		{"not executable", `"PROGRAM`, `"` + plain, wrong, NotExecutable, "6"},
		{"flags", ` --journal /j`, ` --journal /j --jornal`, wrong, FlagsRefused, "6"},
		{"check", ` --journal /j`, ` --journal /j --check`, wrong, FlagsRefused, "6"},
		{"double quotes", `--connect tcp://a:1`, `--connect \"tcp://a:1\"`, warning, DoubleQuotes, "6"},
		{"not loaded", `module(load="omprog")`, ``, wrong, NotLoaded, ""},
		{"loaded twice", "global(", `module(load="/x/omprog.so") global(`, warning, LoadedTwice, "2"},
		{"no work folder", `global(workDirectory="/w")`, ``, wrong, NoWorkFolder, "8"},
		{"not started", `omzmq`, `other`, wrong, NotStarted, ""},
		{"same files", "action(", `ruleset(name="r" queue.filename="q") action(`, wrong, SameQueueFile, "8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.ReplaceAll(flawless, test.old, test.new)
			if text == flawless {
				text = strings.ReplaceAll(strings.ReplaceAll(flawless, "PROGRAM", path), test.old, test.new)
			}
			got := checkText(p, "rsyslog.conf", strings.ReplaceAll(text, "PROGRAM", path), nil)
			place := "rsyslog.conf: "
			if test.place != "" {
				place = "rsyslog.conf:" + test.place + ": "
			}
			want := test.level + strings.Repeat(" ", 8-len(test.level)) + " " + place + test.kind.Phrase
			if !strings.Contains(got, want) || !strings.Contains(got, "cure: "+test.kind.Cure+"\n") {
				t.Errorf("%s\nwant %q", got, want)
			}
			for line := range strings.Lines(got) {
				for _, k := range Kinds() {
					if strings.Contains(line, ": "+k.Phrase) && k != test.kind && !(k == RawLineFeed && strings.Contains(test.new, "RSYSLOG_")) {
						t.Errorf("more than was asked for: %s", line)
					}
				}
			}
		})
	}
}

// What is no fault of a publisher, or of a template, is not called one.
func TestNoFaults(t *testing.T) {
	p, path := omzmq(t)
	for name, oldnew := range map[string][]string{
		"a publisher": {"--connect tcp://a:1 --journal /j", "--pub --bind tcp://a:1", "confirmMessages", `forceSingleInstance="on" confirmMessages`,
			`queue.filename="q" queue.saveOnShutdown="on" queue.timeoutShutdown="10000"`, "", `action.resumeRetryCount="-1"`, "", `killUnresponsive="on" `, ""},
		"signalOnClose":               {`killUnresponsive="on"`, `signalOnClose="on"`},
		"a queue on disk":             {`"LinkedList"`, `"Disk"`, `queue.saveOnShutdown="on"`, "", `queue.timeoutShutdown="10000"`, ""},
		"the same marks":              {` --journal`, ` --begin-mark B --journal`, `useTransactions="on"`, `useTransactions="on" beginTransactionMark="B"`},
		"a time is no mark":           {`<%pri%>1 %hostname% %msg:::escape-cc%`, `%timereported:::date-rfc3339% %msg:::escape-cc%`},
		"a facility is no mark":       {`<%pri%>1 %hostname% %msg:::escape-cc%`, `%syslogfacility-text%.%programname% %msg:::escape-cc%`},
		"a tab is no mark":            {`<%pri%>1 %hostname% %msg:::escape-cc%`, `%programname%\t%msg:::escape-cc%`},
		"an address":                  {`<%pri%>1 %hostname% %msg:::escape-cc%`, `%fromhost-ip% %msg:::escape-cc%`},
		"JSON of all":                 {`%msg:::escape-cc%`, `%$!all-json%`},
		"no transaction, no mark":     {`useTransactions="on"`, `useTransactions="off"`, `<%pri%>1 %hostname% `, ``},
		"confirmTimeout is short":     {`confirmMessages`, `confirmTimeout="5000" confirmMessages`},
		"hup.signal":                  {`output=`, `hup.signal="HUP" output=`},
		"a folder of the queue's own": {`global(workDirectory="/w")`, ``, `queue.filename="q"`, `queue.filename="q" queue.spoolDirectory="/w"`},
		"disabled":                    {"action(type", "action(type=\"omprog\" binary=\"omzmq\" config.enabled=\"off\")\naction(type"},
	} {
		t.Run(name, func(t *testing.T) {
			got := checkText(p, "rsyslog.conf", strings.NewReplacer(append(slices.Clone(oldnew), "PROGRAM", path)...).Replace(flawless), nil)
			for line := range strings.Lines(got) {
				if !strings.Contains(line, NoTransactions.Phrase) && (strings.HasPrefix(line, "WRONG") || strings.HasPrefix(line, "warning")) {
					t.Error(line)
				}
			}
		})
	}
}

// A file that another one includes may rely on it.
func TestFragment(t *testing.T) {
	p, path := omzmq(t)
	text := strings.NewReplacer("PROGRAM", path, `module(load="omprog")`, "", `global(workDirectory="/w")`, "").Replace(flawless)
	got := checkText(p, "30-omzmq.conf", text, nil)
	if strings.Contains(got, "WRONG") || strings.Contains(got, "warning") || strings.Count(got, "note ") != 1 {
		t.Error(got)
	}
	text = strings.ReplaceAll(text, `template="line"`, `template="there"`)
	if got := checkText(p, "30-omzmq.conf", text, nil); !strings.Contains(got, NoTemplate.Phrase+": there\n") || strings.Count(got, "WRONG") != 1 {
		t.Error(got)
	}
}

// A template that two actions have is judged once. The second one is not called flawless for that.
func TestSaidOnce(t *testing.T) {
	p, path := omzmq(t)
	_, action, _ := strings.Cut(flawless, "action(")
	text := strings.ReplaceAll(flawless+"action("+strings.NewReplacer(`"q"`, `"r"`, "/j", "/k").Replace(action), "PROGRAM", path)
	got := checkText(p, "rsyslog.conf", strings.ReplaceAll(text, `escape-cc%\n`, `escape-cc%`), nil)
	if strings.Count(got, "WRONG") != 1 || strings.Count(got, "note     rsyslog.conf:3: "+NoLineFeed.Phrase+", as was said above") != 1 ||
		strings.Contains(got, "none of the known faults") {
		t.Error(got)
	}
}

// What rsyslogd says of one thing is one complaint, with its place. The texts are those of 8.2302.
func TestComplaints(t *testing.T) {
	const around = "rsyslogd: error during parsing file /r.conf, on or before line 5: errors occurred in file '/r.conf' around line 5 [v8.2302.0]\n"
	const unfounded = "rsyslogd: there are no active actions configured. [v8.2302.0]\nrsyslogd: run failed with error -2103 (see rsyslog.h)\n"
	const template = "rsyslogd:  Could not find template 0 'nix' - action disabled [v8.2302.0]\n"
	for said, want := range map[string][]string{
		"rsyslogd: version 8.2302.0, config validation run\nrsyslogd: End of config validation run. Bye.\n": nil,
		template + around + unfounded: {"Could not find template 0 'nix' - action disabled [v8.2302.0]; errors occurred in file '/r.conf' around line 5"},
		"rsyslogd: error during parsing file /r.conf, on or before line 5: parameter 'x' not known\n" + around: {
			"error during parsing file /r.conf, on or before line 5: parameter 'x' not known"},
		around:    {"error during parsing file /r.conf, on or before line 5: errors occurred in file '/r.conf' around line 5 [v8.2302.0]"},
		unfounded: {"there are no active actions configured. [v8.2302.0]", "run failed with error -2103 (see rsyslog.h)"},
	} {
		if got := complaints(said); !slices.Equal(got, want) {
			t.Errorf("%q\nis %q\nwant %q", said, got, want)
		}
	}
	found := told{kind: NoTemplate, detail: "nix"}
	if !found.echoed(template) || found.echoed(strings.ReplaceAll(template, "nix", "other")) || (told{kind: NoLineFeed, detail: "nix"}).echoed(template) {
		t.Error("another complaint is an echo")
	}
}

// One fault is one finding, and one warning is not several.
func TestEnd(t *testing.T) {
	var out bytes.Buffer
	r := NewReport(&out)
	r.Warn(OtherUser, "rsyslogd", "a\n\tb")
	if err := r.End(t.Context()); err != nil || !strings.Contains(out.String(), "1 tried, 0 wrong, 1 warning\n") || !strings.Contains(out.String(), ": a b\n") {
		t.Errorf("%v: %s", err, &out)
	}
}

func TestSharedJournal(t *testing.T) {
	p, path := omzmq(t)
	_, action, _ := strings.Cut(flawless, "action(")
	second := "action(" + strings.NewReplacer(`"q"`, `"r"`, "tcp://a:1", "tcp://b:1", "/j", "/j/").Replace(action)
	got := checkText(p, "rsyslog.conf", strings.ReplaceAll(flawless+second, "PROGRAM", path), nil)
	if !strings.Contains(got, "WRONG    rsyslog.conf:12: "+SharedJournal.Phrase+": /j/, as at rsyslog.conf:6") || strings.Count(got, "WRONG") != 1 {
		t.Error(got)
	}
	same := strings.ReplaceAll(second, "tcp://b:1", "tcp://a:1")
	if got := checkText(p, "rsyslog.conf", strings.ReplaceAll(flawless+same, "PROGRAM", path), nil); strings.Contains(got, "WRONG") {
		t.Error(got)
	}
}

func TestInputs(t *testing.T) {
	p := Program{Name: "imzmq", Object: "input", Module: "improg", Parse: flagsOf}
	path := executable(t, "imzmq", 0o755)
	text := `module(load="improg")
input(type="improg" tag="t" confirmMessages="on" closeTimeout="5000" binary="` + path + ` --bind tcp://a:1")
input(type="imrelp" port="2514" flowControl="full")
`
	if got := checkText(p, "f", text, nil); strings.Contains(got, "WRONG") || strings.Contains(got, "warning") {
		t.Error(got)
	}
	if got := checkText(p, "f", strings.ReplaceAll(text, ` closeTimeout="5000"`, ``), nil); !strings.Contains(got, ShortClose.Phrase+": 200ms and 4s") {
		t.Error(got)
	}
	if got := checkText(p, "f", strings.ReplaceAll(text, `confirmMessages="on"`, `confirmMessages="off"`), nil); !strings.Contains(got, NotConfirmed.Phrase) {
		t.Error(got)
	}
	own := &Subject{RELP: "127.0.0.1:2514"}
	relp := strings.ReplaceAll(text[strings.Index(text, "input(type=\"imrelp"):], "full", "light")
	if got := checkText(p, "f", relp, own); !strings.Contains(got, "f:1: "+DropsWhenFull.Phrase+": light") {
		t.Error(got)
	}
	if got := checkText(p, "f", `input(type="imrelp" port="1")`, own); !strings.Contains(got, "does not start imzmq") {
		t.Error(got)
	}
}

func TestOmrelp(t *testing.T) {
	p, _ := omzmq(t)
	text := `action(type="omrelp" target="127.0.0.1" port="2514" timeout="90" action.resumeRetryCount="-1" queue.type="LinkedList"
	queue.size="100000" queue.filename="q" queue.saveOnShutdown="on" queue.timeoutShutdown="10000")`
	own := &Subject{RELP: "127.0.0.1:2514", Owes: true, Stored: true, SendTimeout: 30 * time.Second}
	if got := checkText(p, "f", text, own); strings.Contains(got, "WRONG") || strings.Contains(got, "warning") {
		t.Error(got)
	}
	if got := checkText(p, "f", strings.ReplaceAll(text, `"90"`, `"30"`), own); !strings.Contains(got, ShortTimeout.Phrase+": 30s and 30s") {
		t.Error(got)
	}
	if got := checkText(p, "f", strings.ReplaceAll(text, `"-1"`, `"0"`), own); !strings.Contains(got, GivesUp.Phrase) {
		t.Error(got)
	}
}

// binary= is split at spaces; what newer releases make of double quotes is known.
func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"/p":                     {"/p"},
		"  /p  a   b ":           {"/p", "a", "b"},
		`/p --topic 'a b'`:       {"/p", "--topic", "'a", "b'"},
		`/p "a b" c`:             {"/p", "a b", "c"},
		`/p "a b`:                {"/p", `"a`, "b"},
		`/p --topic="a b"`:       {"/p", `--topic="a`, `b"`},
		`/p "a"b`:                {"/p", `"a"b`},
		"":                       nil,
		`/p --topic-delimiter :`: {"/p", "--topic-delimiter", ":"},
	} {
		got, quoted := split(text)
		if !slices.Equal(got, want) || quoted != (text == `/p "a b" c`) {
			t.Errorf("%q: %q, %v", text, got, quoted)
		}
	}
}

// Every kind has a phrase of its own, which is not a part of another's, and a cure.
func TestKinds(t *testing.T) {
	kinds := Kinds()
	for i, k := range kinds {
		if k.Phrase == "" || k.Cure == "" || strings.Contains(k.Phrase+k.Cure, "\n") {
			t.Errorf("%+v", k)
		}
		for j, other := range kinds {
			if i != j && other.Phrase == k.Phrase {
				t.Errorf("two kinds: %s", k.Phrase)
			}
		}
	}
}
