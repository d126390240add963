package tenant

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A token is compared with every one in the list, wherever it stands and whether or not it is there: the time that
// takes says nothing.
func TestFindComparesAll(t *testing.T) {
	const n = 100
	l := many(t, n)
	for _, token := range []string{token(0), token(50), token(n - 1), token(n), ""} {
		compared := 0
		found := l.find(sha256.Sum256([]byte(token)), func(a, b []byte) int {
			if compared++; len(a) != sha256.Size || len(b) != sha256.Size {
				t.Error("what is compared is no SHA-256")
			}
			return subtle.ConstantTimeCompare(a, b)
		})
		if compared != n || found != l.Find(token) || (found == nil) != (token == "" || strings.HasSuffix(token, fmt.Sprint("-", n))) {
			t.Errorf("%s: %d comparisons, found %v", token, compared, found)
		}
	}
}

func token(i int) string { return fmt.Sprintf("0123456789abcdef-%d", i) }

// many returns a list of n tokens.
func many(t testing.TB, n int) *List {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "tenant-%d %s tenant-%d/ shared/\n", i, digestOf(token(i)), i)
	}
	l, err := Parse([]byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What a list counts as its memory is not less than what it takes.
func TestCost(t *testing.T) {
	short := &strings.Builder{}
	for i := range 1000 {
		fmt.Fprintf(short, "t %s%s\n", token(i), strings.Repeat(" x", maxPrefixes))
	}
	for name, text := range map[string]string{"10,000 tokens": textOf(many(t, 10_000)), "short prefixes": short.String()} {
		heap := func() int {
			var memory runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&memory)
			return int(memory.HeapAlloc)
		}
		data := []byte(text)
		before := heap()
		l := parse(t, text)
		used := heap() - before
		runtime.KeepAlive(data)
		if used > l.cost || l.cost > 2*used {
			t.Errorf("%s take %d bytes, counted as %d", name, used, l.cost)
		}
		runtime.KeepAlive(l)
	}
}

func textOf(l *List) string {
	var text strings.Builder
	for _, who := range l.tenants {
		fmt.Fprintf(&text, "%s sha256:%x %s\n", who.Name, who.digest, strings.Join(who.prefixes, " "))
	}
	return text.String()
}

func TestAllow(t *testing.T) {
	l := parse(t, "acme "+secret+" acme/ shared/a shared/b ac\nops "+secret2+" *")
	acme, ops := l.Find(secret), l.Find(secret2)
	for asked, want := range map[string]string{
		"": "acme/ shared/a shared/b ac", "acme/": "acme/", "acme/web": "acme/web", "shared/": "shared/a shared/b",
		"s": "shared/a shared/b", "shared/bc shared/a": "shared/a shared/bc", "acme/x acme/x": "acme/x", "a": "ac acme/",
		"beta/": "!", "acme/ beta/": "!", "shared/c": "!", "shared/A": "!", "Acme/": "!", "x": "!", "acme/\x00": "acme/\x00", "zcme/": "!",
	} {
		got, err := acme.Allow(strings.Fields(asked))
		if text := strings.Join(got, " "); want == "!" && (!errors.Is(err, ErrForbidden) || got != nil) || want != "!" && (err != nil || text != want) {
			t.Errorf("%q: %q, %v, want %q", asked, text, err, want)
		}
		if err != nil && err.Error() != "not allowed: acme may read what begins with acme/, shared/a, shared/b, ac, and no other topics" {
			t.Errorf("%q: %v", asked, err)
		}
		if all, err := ops.Allow(strings.Fields(asked)); err != nil || !slices.Equal(all, strings.Fields(asked)) {
			t.Errorf("%q of everything: %q, %v", asked, all, err)
		}
	}
	if got, err := acme.Allow([]string{""}); err != nil || strings.Join(got, " ") != "ac acme/ shared/a shared/b" {
		t.Errorf("the empty prefix: %q, %v", got, err)
	}
	crowded := parse(t, "x "+secret+strings.Repeat(" aa", 100)).Find(secret)
	if _, err := crowded.Allow([]string{"b"}); !strings.HasSuffix(err.Error(), "aa, and 90 more, and no other topics") {
		t.Error(err)
	}
}

// Whoever may read a topic is allowed to ask for it, and gets no other one, whatever the prefixes are.
func FuzzAllow(f *testing.F) {
	f.Add("acme/ shared/", "acme/web shared/", "acme/web/1")
	f.Add("a ab b", "", "abc")
	f.Add("shared/a", "shared/", "shared/b")
	f.Fuzz(func(t *testing.T, prefixes, asked, topic string) {
		who := &Tenant{Name: "x", prefixes: strings.Fields(prefixes)}
		begins := func(with []string) bool {
			return slices.ContainsFunc(with, func(prefix string) bool { return strings.HasPrefix(topic, prefix) })
		}
		wanted := len(strings.Fields(asked)) == 0 || begins(strings.Fields(asked))
		allowed, err := who.Allow(strings.Fields(asked))
		if err != nil {
			return
		}
		got := len(allowed) == 0 || begins(allowed)
		if want := wanted && (who.Everything() || begins(who.prefixes)); got != want {
			t.Fatalf("%q: %v, want %v of %q for %q", topic, got, want, asked, prefixes)
		}
	})
}

// A list in another's place ends what has changed, and nothing else.
func TestReplace(t *testing.T) {
	old := parse(t, "a "+token(0)+" a/\nb "+token(1)+" b/\nc "+token(2)+" c/\nd "+token(3)+" *\ne "+token(4)+" e/ f/")
	new := parse(t, "e "+token(4)+" e/ f/\na "+digestOf(token(0))+" a/\nb "+token(1)+" b/ c/\nx "+token(3)+" *\nn "+token(5)+" n/")
	was := slices.Clone(old.tenants)
	if removed, changed := new.replace(old); removed != 1 || changed != 2 {
		t.Errorf("%d removed, %d changed", removed, changed)
	}
	for i, want := range []string{"goes on", "changed", "removed", "changed", "goes on"} {
		got := "goes on"
		select {
		case <-was[i].Ended():
			got = map[bool]string{true: "removed", false: "changed"}[was[i].Removed()]
		default:
			if new.Find(token(i)) != was[i] {
				t.Errorf("%d is another tenant now", i)
			}
		}
		if got != want {
			t.Errorf("%d %s, want %s", i, got, want)
		}
	}
	if new.Find(token(1)).Prefixes()[1] != "c/" || new.Find(token(2)) != nil || new.Find(token(5)) == nil {
		t.Error("the new list does not say what it should")
	}
}

func BenchmarkFind(b *testing.B) {
	l := many(b, 10_000)
	for b.Loop() {
		l.Find(token(5000))
	}
}
