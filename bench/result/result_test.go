package result

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func example() File {
	return File{"2 CPUs", []Row{
		{Key: "a", Title: "A \"title\"", Date: "2026-11-29", Series: "size", X: 50, Contestants: []Contestant{
			{"libzmq", false, []Sample{{Rate: 123456.789, CPU: 0.123456}, {Rate: 2}}},
			{"ours", true, []Sample{{Latency: &Latency{1, 2, 3.14159265}, Usage: []Usage{{"omzmq", 0.5, 1.25, 10.5}, {Process: "imzmq"}}}}},
		}},
		{Key: "b", Contestants: []Contestant{{"none", false, []Sample{}}}},
		{Key: "c", Contestants: []Contestant{}},
	}}
}

func TestFileSurvivesWriting(t *testing.T) {
	name := filepath.Join(t.TempDir(), "results.json")
	if err := example().Write(name); err != nil {
		t.Fatal(err)
	}
	got, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	want := example()
	want.Rows[0].Contestants[0].Samples[0] = Sample{Rate: 123460, CPU: 0.12346}
	want.Rows[0].Contestants[1].Samples[0].Latency.P999 = 3.1416
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestFileThatDoesNotExistIsEmpty(t *testing.T) {
	if f, err := Read(filepath.Join(t.TempDir(), "none")); err != nil || len(f.Rows) != 0 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestMerge(t *testing.T) {
	f := example()
	if dropped := f.Merge("2 CPUs", []Row{{Key: "b", Title: "new"}, {Key: "d"}}); dropped != 0 {
		t.Errorf("%d rows dropped", dropped)
	}
	keys := ""
	for _, r := range f.Rows {
		keys += r.Key
	}
	if keys != "abcd" || f.Row("b").Title != "new" || f.Row("a").Title == "" {
		t.Errorf("%+v", f)
	}
	if dropped := f.Merge("64 CPUs", []Row{{Key: "e"}}); dropped != 4 || len(f.Rows) != 1 || f.Machine != "64 CPUs" {
		t.Errorf("%d dropped: %+v", dropped, f)
	}
}

// repeated is a file with one row and one contestant, whose rates are given.
func repeated(rates ...float64) File {
	c := Contestant{Name: "ours", Ours: true}
	for _, r := range rates {
		c.Samples = append(c.Samples, Sample{Rate: r, Usage: []Usage{{Process: "omzmq", Peak: 1e6 / r}}})
	}
	return File{Rows: []Row{{Key: "k", Contestants: []Contestant{c}}}}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name     string
		old, new File
		says     []Verdict
		worse    int
	}{
		{"slower", repeated(11, 12, 13, 14, 15, 16), repeated(1, 2, 3, 4, 5, 6), []Verdict{Slower, Bigger}, 2},
		{"faster", repeated(1, 2, 3, 4, 5, 6), repeated(11, 12, 13, 14, 15, 16), []Verdict{Faster, Smaller}, 0},
		{"a tenth less, but within the noise", repeated(10, 12, 14, 16, 18, 20), repeated(9, 11, 13, 14, 16, 18), []Verdict{Same, Same}, 0},
		{"five are too few", repeated(11, 12, 13, 14, 15), repeated(1, 2, 3, 4, 5, 6), []Verdict{TooFew, TooFew}, 0},
		{"nothing in common", File{}, repeated(1, 2, 3, 4, 5, 6), nil, 0},
	} {
		var out strings.Builder
		if worse := Compare(&out, c.old, c.new); worse != c.worse {
			t.Errorf("%s: %d figures are worse, want %d", c.name, worse, c.worse)
		}
		var said []Verdict
		for line := range strings.Lines(out.String()) {
			if _, text, found := strings.Cut(line, "% "); found {
				verdict, _, _ := strings.Cut(text, " (p=")
				said = append(said, Verdict(verdict))
			}
		}
		if !reflect.DeepEqual(said, c.says) {
			t.Errorf("%s: %q, want %q:\n%s", c.name, said, c.says, out.String())
		}
	}
}
