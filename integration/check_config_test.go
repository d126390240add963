package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// --check=FILE, with the configurations that users copy, and with the same ones broken.

// configured writes a configuration with paths of this machine, and returns its path.
func configured(t *testing.T, name, text string, oldnew ...string) string {
	t.Helper()
	dir := folder(t)
	text = strings.NewReplacer(append(oldnew, packagedOmzmq, program("omzmq"), packagedImzmq, program("imzmq"), `load="improg"`, `load="`+improgModule()+`"`,
		"/var/log/", dir+"/", "/var/spool/rsyslog/", dir+"/", "[dir]", dir)...).Replace(text)
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// acknowledging starts an imzmq that acknowledges, and its endpoint.
func acknowledging(t *testing.T, flags ...string) string {
	t.Helper()
	imzmq := startImzmq(t, append([]string{"--bind", "tcp://127.0.0.1:0", "--to", "-"}, flags...)...)
	t.Cleanup(func() { imzmq.stop(t) })
	return "tcp://127.0.0.1:" + imzmq.boundPort(t)
}

const logsExample = "tcp://logs.example.com:5555"

// The README's configurations, alone and within a whole rsyslog.conf as Debian has it.
func TestCheckReadme(t *testing.T) {
	if reason := leftOut("improg"); reason != "" {
		t.Skip(reason)
	}
	c := makeKeyring(t, "server", "client")
	c.allow(t, "client")
	clear, closed, redis := acknowledging(t), acknowledging(t, "--curve-key", c.path("server"), "--curve-clients", c.path("clients")), redistest.Start(t)
	to := startRsyslogd(t, preamble+relpToFile)
	sender := readme(t, "1. ", "rsyslog")
	encrypted := regexp.MustCompile(`(?m)^ *binary=.*\n`).ReplaceAllLiteralString(sender, documented(t, "README.md", "### 1. ", "rsyslog", 1))
	for name, test := range map[string]struct {
		program, text string
		oldnew        []string
	}{
		"1":            {"omzmq", sender, []string{logsExample, clear}},
		"1, encrypted": {"omzmq", encrypted, []string{logsExample, closed, keysFolder, c.dir}},
		"4":            {"omzmq", readmeOmprog(t) + readme(t, "4. ", "rsyslog"), []string{"127.0.0.1:5556", "127.0.0.1:" + freePort(t)}},
		"5":            {"imzmq", readme(t, "5. ", "rsyslog"), []string{"tcp://*:5555", "tcp://*:" + freePort(t)}},
	} {
		t.Run(name, func(t *testing.T) {
			wantWell(t, test.program, "--check="+configured(t, "30-part.conf", test.text, test.oldnew...))
			wantWell(t, test.program, "--check="+configured(t, "rsyslog.conf", likeDebian(test.text), test.oldnew...))
		})
	}
	relpInput := configured(t, "30-imzmq.conf", readme(t, "2. ", "rsyslog"), "2514", to.relp)
	for name, command := range map[string]string{
		"2":            documented(t, "README.md", "### 2. ", "sh", 0) + " --check=" + relpInput,
		"2, encrypted": documented(t, "README.md", "### 2. ", "sh", 1) + " --check",
		"3":            documented(t, "README.md", "### 3. ", "sh", 0) + " --check",
	} {
		t.Run(name, func(t *testing.T) {
			args := strings.Fields(strings.NewReplacer("tcp://*:5555", "tcp://*:"+freePort(t), "2514", to.relp, "127.0.0.1:6379", redis.Addr(),
				keysFolder, c.dir, "30-imzmq.conf", "30-imzmq.conf").Replace(command))
			wantWell(t, filepath.Base(args[0]), args[1:]...)
		})
	}
	to.stop(t)
}

// The files of rsyslog.d/.
func TestCheckShipped(t *testing.T) {
	if reason := leftOut("improg"); reason != "" {
		t.Skip(reason)
	}
	clear, h := acknowledging(t), startHub(t)
	to := startRsyslogd(t, preamble+relpToFile)
	for name, flags := range map[string][]string{
		"30-omzmq-acknowledged.conf": {"omzmq"},
		"30-omzmq-programs.conf":     {"omzmq"},
		"30-omzmq-publish.conf":      {"omzmq"},
		"30-omzmq-relp.conf":         {"omzmq", "--relp", "127.0.0.1:2514", "--connect", logsExample},
		"30-imzmq-improg.conf":       {"imzmq"},
		"30-imzmq-relp.conf":         {"imzmq", "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:2514"},
	} {
		t.Run(name, func(t *testing.T) {
			port := to.relp
			if flags[0] == "omzmq" {
				port = freePort(t)
			}
			oldnew := []string{logsExample, clear, "tcp://*:5555", "tcp://*:" + freePort(t), "127.0.0.1:5556", "127.0.0.1:" + freePort(t),
				"ipc:///run/zmqtap-hub/main/in", h.in, "2514", port}
			path := configured(t, name, shipped(t, name), oldnew...)
			args := strings.Split(strings.NewReplacer(oldnew...).Replace(strings.Join(flags[1:], "\n")), "\n")
			if len(flags) == 1 {
				args = nil
			}
			wantWell(t, flags[0], append(args, "--check="+path)...)
		})
	}
	h.stop(t)
	to.stop(t)
}

// The first configuration of the README within a whole one, with one thing wrong at a time.
func TestCheckNamesWhatIsWrongInConfigurations(t *testing.T) {
	endpoint := acknowledging(t)
	good := likeDebian(readme(t, "1. ", "rsyslog"))
	include := `include(file="[dir]/part.conf")` + "\n"
	for name, test := range map[string]struct {
		kind     check.Kind
		old, new string
		detail   string
	}{
		"rsyslogd's own complaint":      {check.RsyslogdRefuses, `confirmMessages=`, `confirmMessage=`, "confirmMessage"},
		"not confirmed":                 {check.NotConfirmed, `confirmMessages="on"`, `confirmMessages="off"`, "rsyslog.conf:"},
		"no journal":                    {check.NoJournal, ` --journal /var/spool/rsyslog/omzmq`, ``, "rsyslog.conf:"},
		"no line feed":                  {check.NoLineFeed, `%msg:::escape-cc%\n`, `%msg:::escape-cc%`, "omzmq_line"},
		"a built-in template":           {check.NoLineFeed, `template="omzmq_line"`, `template="RSYSLOG_ForwardFormat"`, "RSYSLOG_ForwardFormat"},
		"raw messages, and not escaped": {check.RawLineFeed, `global(`, "$EscapeControlCharactersOnReceive off\nglobal(", "hostname"},
		"forgeable":                     {check.Forgeable, `"<%pri%>1 %timereported:::date-rfc3339% %hostname% %app-name% %procid% %msgid% %structured-data% %`, `"%`, "BEGIN TRANSACTION"},
		"bound":                         {check.SeveralBind, `--connect ` + logsExample, `--bind tcp://127.0.0.1:0`, "rsyslog.conf:"},
		"gives up":                      {check.GivesUp, `action.resumeRetryCount="-1"`, `action.resumeRetryCount="3"`, "it is 3"},
		"a small queue":                 {check.SmallQueue, `queue.size="100000"`, `queue.size="500"`, "500, for batches of 1000"},
		"memory alone":                  {check.MemoryQueue, `queue.filename="omzmq" queue.maxDiskSpace="1g"`, ``, "rsyslog.conf:"},
		"not saved":                     {check.NotSaved, `queue.saveOnShutdown="on"`, ``, "rsyslog.conf:"},
		"no work folder":                {check.NoWorkFolder, `global(workDirectory="[dir]")`, ``, "omzmq"},
		"the same files":                {check.SameQueueFile, `*.* action(type="omfile"`, `*.* action(queue.type="LinkedList" queue.filename="omzmq" type="omfile"`, "omzmq, as at"},
		"not loaded":                    {check.NotLoaded, `module(load="omprog")`, ``, "omprog"},
		"ends at HUP":                   {check.EndsAtHUP, `output=`, `hup.signal="USR1" output=`, "USR1"},
		"a wrong path":                  {check.NotThere, packagedOmzmq, "/nowhere/omzmq", "/nowhere/omzmq"},
		"a relative path":               {check.NotAbsolute, packagedOmzmq, "omzmq", "omzmq"},
		"single quotes":                 {check.FlagsRefused, ` --journal`, ` --topic 'a' --journal`, "leave them out"},
		"an unknown flag":               {check.FlagsRefused, ` --journal`, ` --jornal`, "jornal"},
		"other marks":                   {check.MarksDiffer, `useTransactions="on"`, `useTransactions="on" commitTransactionMark="C"`, `"C"`},
		"nobody listens":                {check.NobodyListens, logsExample, nowhere(t), ""},
		"another program":               {check.NotStarted, packagedOmzmq, "/bin/cat", "omzmq"},
		"in an included file":           {check.SharedJournal, `global(`, include + `global(`, "part.conf:5"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(good, test.old) {
				t.Fatalf("there is no %s", test.old)
			}
			path := configured(t, "rsyslog.conf", strings.Replace(good, test.old, test.new, 1), logsExample, endpoint)
			part := strings.NewReplacer(`name="omzmq"`, `name="other"`, `module(load="omprog")`, ``, `filename="omzmq"`, `filename="other"`, logsExample, endpoint+" --connect "+endpoint,
				packagedOmzmq, program("omzmq"), "/var/log/", filepath.Dir(path)+"/", "/var/spool/rsyslog/", filepath.Dir(path)+"/").Replace(readme(t, "1. ", "rsyslog"))
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "part.conf"), []byte(part), 0o600); err != nil {
				t.Fatal(err)
			}
			wantWrong(t, test.kind, test.detail, "omzmq", "--check="+path)
		})
	}
	wantWrong(t, check.Unreadable, "/nowhere.conf", "omzmq", "--check=/nowhere.conf")
	wantWrong(t, check.NotStarted, "improg", "imzmq", "--check="+configured(t, "rsyslog.conf", good, logsExample, endpoint))
}

// One wrong name is one finding, although rsyslogd complains about it, too, in several lines: in a whole configuration,
// in a file that it includes, and in a folder. In a folder, what another file has is there.
func TestCheckCountsAFaultOnce(t *testing.T) {
	endpoint := acknowledging(t)
	text := readme(t, "1. ", "rsyslog")
	good := likeDebian(text)
	misnamed := func(text string) string {
		return strings.Replace(text, `template="omzmq_line"`, `template="omzmqline"`, 1)
	}
	template := "WRONG .*" + check.NoTemplate.Phrase + ": omzmqline\n"
	for name, test := range map[string]struct {
		file, text, want string
	}{
		"whole":                  {"rsyslog.conf", misnamed(good), template},
		"part":                   {"30-omzmq.conf", misnamed(text), template},
		"not loaded":             {"rsyslog.conf", strings.Replace(good, `module(load="omprog")`, ``, 1), "WRONG .*" + check.NotLoaded.Phrase + ": omprog\n"},
		"rsyslogd's own":         {"rsyslog.conf", strings.Replace(good, `confirmMessages=`, `confirmMessage="on" confirmMessages=`, 1), "WRONG .*confirmMessage'"},
		"an action of another's": {"rsyslog.conf", strings.Replace(good, `template="test")`, `template="none")`, 1), "WRONG .*'none'.*around line"},
	} {
		t.Run(name, func(t *testing.T) {
			path := configured(t, test.file, test.text, logsExample, endpoint)
			places := []string{path}
			if test.file != "rsyslog.conf" {
				places = append(places, filepath.Dir(path))
			}
			for _, place := range places {
				report, code := checked(t, "omzmq", "--check="+place)
				if code != 1 || strings.Count(report, "\nWRONG ") != 1 || !strings.Contains(report, " tried, 1 wrong, ") ||
					!regexp.MustCompile("\n"+test.want).MatchString(report) {
					t.Errorf("%s ends with %d:\n%s", place, code, report)
				}
			}
		})
	}
	path := configured(t, "30-omzmq.conf", misnamed(text), logsExample, endpoint)
	other := filepath.Join(filepath.Dir(path), "10-template.conf")
	if err := os.WriteFile(other, []byte(`template(name="omzmqline" type="string" string="<%pri%>%msg:::escape-cc%\n")`), 0o600); err != nil {
		t.Fatal(err)
	}
	if report := wantWell(t, "omzmq", "--check="+filepath.Dir(path)+"/"); !strings.Contains(report, "files that were read: 2\n") ||
		!strings.Contains(report, "rsyslogd accepts the configuration") {
		t.Error(report)
	}
	wantWrong(t, check.Unreadable, "no *.conf", "omzmq", "--check="+folder(t))
}

// checksKafka checks imzmq before a Kafka that has the topic logs.
func checksKafka(t *testing.T, bootstrap string) {
	t.Helper()
	bound := []string{"--check", "--bind", "tcp://127.0.0.1:0", "--to"}
	wantWell(t, "imzmq", append(bound, "kafka://"+bootstrap+"/logs?once=true")...)
	wantWrong(t, check.KafkaFails, "missing", "imzmq", append(bound, "kafka://"+bootstrap+"/missing")...)
	wantWrong(t, check.KafkaFails, "", "imzmq", append(bound, "kafka+tls://"+bootstrap+"/logs")...)
}

// The example in docs/check.md, at another address.
func TestCheckPage(t *testing.T) {
	block := documented(t, "docs/check.md", "## How to use it", "console", 0)
	command, want, _ := strings.Cut(block, "\n")
	_, port, _ := strings.Cut(strings.TrimPrefix(nowhere(t), "tcp://"), ":")
	here := strings.NewReplacer("logs.example.com:5555", "localhost:"+port, "/var/spool/rsyslog", folder(t))
	args := strings.Fields(here.Replace(strings.TrimPrefix(command, "$ ")))
	report, code := checked(t, args[0], args[1:]...)
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	address := regexp.MustCompile(`192\\\.0\\\.2\\\.7(:5555)?`)
	number := regexp.MustCompile(`\d{2,}`)
	var pattern []string
	for line := range strings.SplitSeq(here.Replace(want), "\n") {
		line = address.ReplaceAllLiteralString(regexp.QuoteMeta(line), `\S.*`)
		line = strings.Replace(line, `root \(uid 0\)`, `\S+ \(uid \d+\)`, 1)
		if !strings.Contains(line, port) {
			line = number.ReplaceAllLiteralString(line, `\d+`)
		}
		pattern = append(pattern, line)
	}
	if !regexp.MustCompile(`^` + strings.Join(pattern, "\n") + `$`).MatchString(report) {
		t.Errorf("%s\nwant\n%s", report, strings.Join(pattern, "\n"))
	}
}
