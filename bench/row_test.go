package main

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// fixed is a contestant that gives the samples, one a run.
func fixed(name string, samples ...sample) contestant {
	i := 0
	return contestant{name: name, run: func(context.Context) (sample, error) {
		i++
		return samples[i-1], nil
	}}
}

func TestRowTakesTurns(t *testing.T) {
	var turns []string
	one := func(name string) contestant {
		return contestant{name: name, run: func(context.Context) (sample, error) {
			turns = append(turns, name)
			return sample{Rate: 1}, nil
		}}
	}
	var out strings.Builder
	if _, err := (row{key: "k", contestants: []contestant{one("A"), one("B")}}).measure(t.Context(), 3, 0, &out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(turns, " "); got != "A B A B A B" {
		t.Error(got)
	}
}

func TestRowResult(t *testing.T) {
	for _, c := range []struct {
		key, series string
		x           float64
	}{{"relp", "", 0}, {"size-1024", "size", 1024}, {"hub-own-10", "hub-own", 10}, {"omprog-free", "", 0}} {
		var out strings.Builder
		r := row{key: c.key, contestants: []contestant{fixed("A", sample{Rate: 3}, sample{Rate: 1}), fixed("B", sample{Rate: 2}, sample{Rate: 4})}}
		r.contestants[1].ours = true
		got, err := r.measure(t.Context(), 2, 0, &out)
		if err != nil || got.Series != c.series || got.X != c.x || len(got.Contestants) != 2 || !got.Contestants[1].Ours ||
			got.Contestants[1].Samples[1].Rate != 4 {
			t.Errorf("%s: %+v, %v", c.key, got, err)
		}
		if !strings.Contains(out.String(), "1.50") {
			t.Errorf("%s: no ratio 3/2:\n%s", c.key, out.String())
		}
	}
}

// A contestant that fails, and another revision's that would be compared with it, are left out; the others are not.
func TestRowWithFailure(t *testing.T) {
	failing := contestant{name: "failing", run: func(context.Context) (sample, error) { return sample{}, errors.New("no such flag") }}
	old := fixed("old", sample{Rate: 1}, sample{Rate: 1})
	old.old = true
	r := row{key: "k", contestants: []contestant{fixed("A", sample{Rate: 1}, sample{Rate: 1}), failing, old},
		note: func([]float64) string { panic("counts on all") }}
	var out strings.Builder
	got, err := r.measure(t.Context(), 2, 0, &out)
	if err == nil || !strings.Contains(err.Error(), "failing: no such flag") || len(got.Contestants) != 1 || len(got.Contestants[0].Samples) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReport(t *testing.T) {
	for _, c := range []struct {
		line string
		peak float64
	}{{"10 1000000000 2000000000 50", 0}, {"10 1000000000 2000000000 50 2048\n", 2}} {
		s, err := parseReport("receiver", c.line)
		if err != nil || s.Rate != 10 || s.CPU != 5 || s.Usage[0].Peak != c.peak || s.Usage[0].Process != "receiver" {
			t.Errorf("%q: %+v, %v", c.line, s, err)
		}
	}
	if _, err := parseReport("receiver", "10 20"); err == nil {
		t.Error("half a report is accepted")
	}
}

// What the input gets is what the destination finds the time in.
func TestSentAt(t *testing.T) {
	if ns, ok := sentAt([]byte("<14>Nov 22 05:54:52 h a: sent=123456 xxx")); !ok || ns != 123456 {
		t.Error(ns, ok)
	}
	if _, ok := sentAt([]byte("rsyslogd: start")); ok {
		t.Error("a time in a line that has none")
	}
}
