// Package table reads the table of severities that the tests of package severity and of the live page share:
// testdata/severities.json at the top of the repository.
package table

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
)

// None is the severity of a message that states none, as the live page numbers it.
const None = severity.Debug + 1

// Case is a row of the table.
type Case struct {
	Why     string
	Message []byte
	Want    severity.Severity
}

// Read reads the table.
func Read(t *testing.T, path string) (cases []Case) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Severity *string // null: none
		Why      string
		Message  string
		Base64   []byte // in place of a message that is not UTF-8
		Fill     string // Times of it take the place of the word FILL
		Times    int
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		c := Case{Why: r.Why, Message: r.Base64, Want: None}
		if c.Message == nil {
			c.Message = []byte(strings.Replace(r.Message, "FILL", strings.Repeat(r.Fill, r.Times), 1))
		}
		if r.Severity != nil {
			c.Want = named(t, *r.Severity)
		}
		cases = append(cases, c)
	}
	if len(cases) < 300 {
		t.Fatalf("only %d rows", len(cases))
	}
	return cases
}

func named(t *testing.T, name string) severity.Severity {
	t.Helper()
	for s := severity.Emerg; s <= severity.Debug; s++ {
		if s.String() == name {
			return s
		}
	}
	t.Fatalf("no severity: %q", name)
	return None
}
