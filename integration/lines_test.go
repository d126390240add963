package integration

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// lines is a reproducible sequence of numbered syslog lines. Line n of a seed is always the same, so an
// account need not remember what was sent.
type lines struct {
	seed    uint64
	longest int // longest message in bytes; 0: 6,000
}

// pieces are the words that messages are made of: everything that a program on the way could mistake for its
// own syntax.
var pieces = []string{
	"plain", "words", "0123456789", `"quoted"`, `'`, `back\slash`, `\n`, `\\`, "%", "%s", "%%", "%msg%", "100%",
	"\t", "tab\ttab", "ä", "ß", "日本語", "🙂", "é\u0301", "\u00a0", "#012", "<13>", "{", "}", `{"a":"b"}`, "[x]", "$!",
	"BEGIN TRANSACTION", "OK", ".", ",", ";", "=", "&", "|", "`", "~", "-", "@cee:",
}

const numberMark = " no="

// line is the syslog line with number n, without its line feed: a header and a message of 20 bytes up to the longest,
// short ones more often.
func (l lines) line(n int) []byte {
	r := rand.New(rand.NewPCG(l.seed, uint64(n)))
	size := int(20 * math.Exp(r.Float64()*math.Log(float64(cmp.Or(l.longest, 6000))/20)))
	b := fmt.Appendf(nil, "<%d>1 2026-02-03T04:05:06.%06d+02:00 web-%d app%d %d ID%d -%s%08d",
		8+r.IntN(184), r.IntN(1e6), r.IntN(9), r.IntN(99), r.IntN(32768), r.IntN(9), numberMark, n)
	end := len(b) - len(numberMark) - 8 + size
	for len(b) < end-1 {
		piece := pieces[r.IntN(len(pieces))]
		if len(b)+1+len(piece) > end-1 {
			piece = strings.Repeat("x", max(0, end-2-len(b)))
		}
		b = append(append(b, ' '), piece...)
	}
	return append(b, '.')
}

// number returns a line's number.
func number(line []byte) (int, bool) {
	i := bytes.Index(line, []byte(numberMark))
	if i < 0 || len(line) < i+len(numberMark)+8 {
		return 0, false
	}
	n, err := strconv.Atoi(string(line[i+len(numberMark):][:8]))
	return n, err == nil
}

// account compares what arrived with what was sent, byte by byte.
type account struct {
	lines
	sent     int   // numbers 0 up to this are expected
	seen     []int // how often each number arrived unaltered
	arrived  int   // distinct numbers among them
	invented []string
	altered  []string
	warm     bool // warmUp has arrived

	path    string
	offset  int64
	partial []byte
}

// account begins an account of lines 0 up to sent, read from the file at path as it grows ("" for none).
func (l lines) account(path string, sent int) *account {
	return &account{lines: l, sent: sent, seen: make([]int, sent), path: path}
}

// warmUp is a line that no account counts. Tests repeat it until a subscription has taken effect.
const warmUp = "<13>1 2026-02-03T04:05:06Z web-1 warm-up - - - are you there?"

// add enters one arrived line, without its line feed.
func (a *account) add(line []byte) {
	n, ok := number(line)
	switch {
	case string(line) == warmUp:
		a.warm = true
	case !ok || n >= a.sent:
		a.invented = append(a.invented, string(line))
	case !bytes.Equal(line, a.line(n)):
		a.altered = append(a.altered, string(line))
	default:
		if a.seen[n] == 0 {
			a.arrived++
		}
		a.seen[n]++
	}
}

// poll enters what has been appended to the file since the last poll.
func (a *account) poll(t *testing.T) {
	t.Helper()
	f, err := os.Open(a.path)
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	more, err := io.ReadAll(io.NewSectionReader(f, a.offset, math.MaxInt64-a.offset))
	if err != nil {
		t.Fatal(err)
	}
	a.offset += int64(len(more))
	rest := append(a.partial, more...)
	for {
		line, after, ok := bytes.Cut(rest, []byte("\n"))
		if !ok {
			break
		}
		a.add(line)
		rest = after
	}
	a.partial = slices.Clone(rest)
}

// expect sets the number of lines sent, if it was not known before: any line with a higher number is invented.
func (a *account) expect(sent int) {
	for n, times := range a.seen[sent:] {
		if times > 0 {
			a.arrived--
			a.invented = append(a.invented, string(a.line(sent+n)))
		}
	}
	a.sent, a.seen = sent, a.seen[:sent]
}

// has polls and reports whether at least n different lines have arrived.
func (a *account) has(t *testing.T, n int) bool {
	t.Helper()
	a.poll(t)
	return a.arrived >= n
}

// settle reads the rest and fails the test unless each line arrived unaltered and exactly once, or, with repeats, at
// least once. Call it after everything upstream has ended.
func (a *account) settle(t *testing.T, repeats bool) {
	t.Helper()
	if a.path != "" {
		a.poll(t)
	}
	var missing, repeated []int
	for n, times := range a.seen {
		if times == 0 {
			missing = append(missing, n)
		}
		if times > 1 {
			repeated = append(repeated, n)
		}
	}
	t.Logf("sent %d, arrived %d, missing %d, repeated %d, invented %d, altered %d",
		a.sent, a.arrived, len(missing), len(repeated), len(a.invented), len(a.altered))
	if len(missing) > 0 {
		t.Errorf("missing: %v", missing[:min(20, len(missing))])
	}
	if len(repeated) > 0 && !repeats {
		t.Errorf("repeated: %v", repeated[:min(20, len(repeated))])
	}
	for _, line := range a.invented[:min(3, len(a.invented))] {
		t.Errorf("invented: %.300q", line)
	}
	for _, line := range a.altered[:min(3, len(a.altered))] {
		n, _ := number([]byte(line))
		t.Errorf("altered: line %d\n got %.300q\nwant %.300q", n, line, a.line(n))
	}
	if len(a.partial) > 0 {
		t.Errorf("cut off at the end: %.300q", a.partial)
	}
}

// The generator and the account themselves: no other test would notice if they let a fault pass.
func TestAccountSeesEveryKindOfFault(t *testing.T) {
	l := lines{seed: 7}
	shortest, longest := math.MaxInt, 0
	for n := range 2000 {
		line := l.line(n)
		got, ok := number(line)
		if !ok || got != n || bytes.ContainsAny(line, "\n\x00") || !bytes.Equal(line, l.line(n)) {
			t.Fatalf("line %d: %q", n, line)
		}
		i := bytes.Index(line, []byte(numberMark))
		shortest, longest = min(shortest, len(line)-i), max(longest, len(line)-i)
	}
	if shortest < 20 || shortest > 25 || longest > 6000 || longest < 5500 {
		t.Errorf("messages of %d to %d bytes", shortest, longest)
	}
	a := l.account("", 4)
	a.add(l.line(0))
	a.add(l.line(1))
	a.add(l.line(1))
	a.add(append(l.line(2), ' '))
	a.add(l.line(4))
	a.add([]byte("what is this"))
	if a.arrived != 2 || a.seen[1] != 2 || len(a.altered) != 1 || len(a.invented) != 2 || a.seen[3] != 0 {
		t.Errorf("account: %+v", a)
	}
}
