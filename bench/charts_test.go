package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

// The pictures in the documentation are those of the committed results: bench/run -charts draws them again.
func TestChartsFitResults(t *testing.T) {
	const images = "../" + imagesFolder
	folder := t.TempDir()
	if err := drawCharts("../"+resultsFile, folder); err != nil {
		t.Fatal(err)
	}
	drawn, _ := filepath.Glob(filepath.Join(folder, "*"))
	committed, _ := filepath.Glob(filepath.Join(images, chartPrefix+"*.svg"))
	if len(committed) != len(drawn) {
		t.Errorf("%d charts in %s, %d of the results", len(committed), images, len(drawn))
	}
	for _, name := range drawn {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(images, filepath.Base(name))); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what the results give (%v): run bench/run -charts", filepath.Base(name), err)
		}
	}
}

// Charts of results that have gone are removed, and other files are left alone.
func TestChartsRemovesOldOnes(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"bench-old.svg", "page.png"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	results := filepath.Join(folder, "results.json")
	f := result.File{Machine: "m", Rows: []result.Row{{Key: "chain", Contestants: []result.Contestant{
		{Name: "omrelp", Samples: []sample{{Rate: 1}, {Rate: 2}}},
		{Name: "<ours>", Ours: true, Samples: []sample{{Rate: 100}, {Rate: 200}}},
	}}}}
	if err := f.Write(results); err != nil {
		t.Fatal(err)
	}
	if err := drawCharts(results, folder); err != nil {
		t.Fatal(err)
	}
	var names []string
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "bench-chain.svg page.png results.json" {
		t.Errorf("left: %s", got)
	}
}

// Every comparison that the overview shows names a row and contestants that there are.
func TestRatiosNameContestants(t *testing.T) {
	contestants := make(map[string]bool)
	for _, r := range allRows("", 1) {
		for _, c := range r.contestants {
			contestants[r.key+": "+c.name] = true
		}
	}
	for _, r := range ratios {
		for _, name := range []string{r.ours, r.reference} {
			if !contestants[r.key+": "+name] {
				t.Errorf("there is no %s in the row %s", name, r.key)
			}
		}
	}
	for key := range quickRows {
		found := false
		for _, r := range allRows("", 1) {
			found = found || r.key == key
		}
		if !found {
			t.Errorf("there is no row %s for -quick", key)
		}
	}
}

func TestRowKeysAreUnique(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range allRows("", 1) {
		if seen[r.key] {
			t.Errorf("two rows have the key %s", r.key)
		}
		seen[r.key] = true
	}
}
