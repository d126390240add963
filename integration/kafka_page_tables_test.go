package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
)

// What docs/kafka.md says, compared with the sources.

// source returns a file of the repository.
func source(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(), path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pageSection returns what is under a heading of docs/kafka.md.
func pageSection(t *testing.T, heading string) string {
	t.Helper()
	_, section, found := strings.Cut(source(t, kafkaPage), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("no heading %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

var wordEnds = regexp.MustCompile(`([a-z])([A-Z])|([A-Z])([A-Z][a-z])`)

// protocolName returns Kafka's name of an error from that of package kerr: NOT_COORDINATOR for NotCoordinator.
func protocolName(name string) string {
	return strings.ToUpper(wordEnds.ReplaceAllString(name, "${1}${3}_${2}${4}"))
}

// The table of troubles has each error that imzmq knows, with what imzmq does, and no other.
func TestKafkaPageTroubles(t *testing.T) {
	does := map[string]string{}
	for line := range strings.Lines(pageSection(t, "When Kafka has troubles")) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			continue
		}
		for _, code := range regexp.MustCompile("`([A-Z_]{5,})`").FindAllStringSubmatch(cells[1], -1) {
			if does[code[1]] != "" {
				t.Errorf("%s is there twice", code[1])
			}
			does[code[1]] = strings.TrimSpace(cells[2])
		}
	}
	begins := map[string]string{"": "waits", "wait": "waits", "refuse": "refuses", "tooLong": "asks for the topic's limit",
		"odd": "sends fewer", "untimed": "gives the records the time"}
	known := regexp.MustCompile(`(?m)^\tkerr\.(\w+): +\{(?:verdict: (\w+))?`).FindAllStringSubmatch(source(t, "pkg/kafka/fault.go"), -1)
	if len(known) < 30 {
		t.Fatalf("%d errors in fault.go", len(known))
	}
	for _, k := range known {
		code := protocolName(k[1])
		if want := begins[k[2]]; want == "" || !strings.HasPrefix(does[code], want) {
			t.Errorf("%s: the page says %q, want %q", code, does[code], want)
		}
		delete(does, code)
	}
	for code, does := range does {
		t.Errorf("%s: the page says %q, and fault.go does not know it", code, does)
	}
}

// What has no code of Kafka is in the table, too.
func TestKafkaPageOtherTroubles(t *testing.T) {
	table := pageSection(t, "When Kafka has troubles")
	says := map[string]string{
		"codeAway":   "no broker can be reached",
		"codeFile":   "the password or the token cannot be read",
		"codeTLS":    "certificate is not trusted",
		"codeQuota":  "because of a quota",
		"codeSilent": "the brokers do not answer",
		"codeState":  "the state topic has more than one partition",
	}
	for _, code := range regexp.MustCompile(`(?m)^\t(code\w+) +=`).FindAllStringSubmatch(source(t, "pkg/kafka/fault.go"), -1) {
		if text := says[code[1]]; text == "" || !strings.Contains(table, text) {
			t.Errorf("%s: the page does not say %q", code[1], text)
		}
		delete(says, code[1])
	}
	for code := range says {
		t.Errorf("fault.go has no %s", code)
	}
}

// Every code in upper case that the page names is one of Kafka's.
func TestKafkaPageCodes(t *testing.T) {
	codes := map[string]bool{"KAFKA_PASSWORD": true, "DESCRIBE_CONFIGS": true}
	for n := int16(-1); n < 200; n++ {
		if err := kerr.TypedErrorForCode(n); err != nil {
			codes[err.Message] = true
		}
	}
	for _, code := range regexp.MustCompile(`\b[A-Z]+(?:_[A-Z]+)+\b`).FindAllString(source(t, kafkaPage), -1) {
		if !codes[code] {
			t.Errorf("%s is no error of Kafka", code)
		}
	}
}

// The table of settings has those that --to takes, and no other.
func TestKafkaPageSettings(t *testing.T) {
	table, _, _ := strings.Cut(pageSection(t, "Into which topic"), "\n\nTOPIC may hold")
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(table, -1) {
		named = append(named, row[1])
	}
	_, set, _ := strings.Cut(source(t, "pkg/kafka/target.go"), "\nfunc (t *Target) set(")
	set, _, _ = strings.Cut(set, "\n}\n")
	var known []string
	for _, setting := range regexp.MustCompile(`(?m)^\tcase "([a-z-]+)":`).FindAllStringSubmatch(set, -1) {
		known = append(known, setting[1])
	}
	slices.Sort(named)
	slices.Sort(known)
	if len(known) == 0 || !slices.Equal(named, known) {
		t.Errorf("the page has %q, --to takes %q", named, known)
	}
}

// Every URL of the page and of the packaged unit is one that --to takes.
func TestKafkaPageURLs(t *testing.T) {
	n := 0
	text := source(t, kafkaPage) + source(t, "packaging/systemd/imzmq-kafka.service")
	for _, url := range regexp.MustCompile("kafka(?:\\+tls)?://[^ `)…\n]+/[^ `)…\n]+").FindAllString(text, -1) {
		if strings.Contains(url, "[") { // the form
			continue
		}
		if _, err := kafka.ParseTarget(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		n++
	}
	if n < 4 {
		t.Errorf("%d URLs", n)
	}
}

// Every flag of imzmq for Kafka is on the page, and every flag of the page is one of the programs'.
func TestKafkaPageFlags(t *testing.T) {
	page := source(t, kafkaPage)
	help := ""
	for _, name := range []string{"imzmq", "omzmq"} {
		text, err := exec.Command(program(name), "--help").Output()
		if err != nil {
			t.Fatal(err)
		}
		help += string(text)
	}
	page = regexp.MustCompile("(?s)\n```sh\n.*?```").ReplaceAllString(page, "") // Kafka's own tools have others
	flag := regexp.MustCompile(`--[a-z][a-z-]+`)
	for _, name := range flag.FindAllString(help, -1) {
		if strings.HasPrefix(name, "--kafka-") && !strings.Contains(page, name) {
			t.Errorf("%s is not on the page", name)
		}
	}
	for _, line := range strings.Split(page, "\n") {
		if strings.Contains(line, "go test") || strings.Contains(line, "kafka-configs.sh") || strings.Contains(line, "--cluster --operation") ||
			strings.Contains(line, "--topic logs.") {
			continue
		}
		for _, name := range flag.FindAllString(line, -1) {
			if !regexp.MustCompile(regexp.QuoteMeta(name) + `\b`).MatchString(help) {
				t.Errorf("no program has %s", name)
			}
		}
	}
}
