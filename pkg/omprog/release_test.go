package omprog

import (
	"os"
	"strings"
	"testing"
)

func TestRelease(t *testing.T) {
	for text, want := range map[string]struct {
		release Release
		splits  bool
	}{
		"rsyslogd  8.2102.0 (aka 2021.02) compiled with:\n\tPLATFORM:": {Release{8, 2102}, false},
		"rsyslogd  8.2302.0 (aka 2023.02) compiled with:":              {Release{8, 2302}, false},
		"rsyslogd 8.2506.0.master":                                     {Release{8, 2506}, false},
		"rsyslogd  8.2508.0 (aka 2025.08) compiled with:":              {Release{8, 2508}, true},
		"rsyslogd  8.2610.0 (aka 2026.10)":                             {Release{8, 2610}, true},
		"rsyslogd  10.1.0":                                             {Release{10, 1}, true},
		"rsyslogd  7.9999.0":                                           {Release{7, 9999}, false},
		"":                                                             {},
		"syslog-ng 4.8":                                                {},
		"rsyslogd 99999999999999999999.1":                              {},
	} {
		r, err := parseRelease([]byte(text))
		if r != want.release || r.Splits() != want.splits || (err == nil) != (want.release != Release{}) {
			t.Errorf("%q: %v, %v, %v", text, r, r.Splits(), err)
		}
	}
}

// A program of another name is not run.
func TestReleaseOfAnotherProgram(t *testing.T) {
	if r, err := ReleaseOf(os.Getpid()); err == nil || !strings.Contains(err.Error(), "not by rsyslogd") || r != (Release{}) {
		t.Errorf("%v, %v", r, err)
	}
	if r, err := ask("/bin/true"); err == nil || r != (Release{}) {
		t.Errorf("%v, %v", r, err)
	}
	var l limited
	for range 3 {
		l.Write(make([]byte, releaseOutput))
	}
	if len(l.text) != releaseOutput {
		t.Errorf("%d bytes kept", len(l.text))
	}
}
