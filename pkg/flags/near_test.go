package flags

import "testing"

func TestNear(t *testing.T) {
	words := []string{"serve", "hub", "record", "replay", "status"}
	for text, want := range map[string]string{"recrod": "record", "rec": "record", "rep": "replay", "served": "serve",
		"hbu": "hub", "stats": "status", "re": "", "x": "", "": "", "127.0.0.1:5556": "", "reset": ""} {
		if got := Near(text, words); got != want {
			t.Errorf("%q is near %q, want %q", text, got, want)
		}
	}
}

func TestUnknownFlag(t *testing.T) {
	for flag, want := range map[string]string{
		"--conect":      "unknown flag: --conect: did you mean --connect?",
		"--hearbeat=1s": "unknown flag: --hearbeat: did you mean --heartbeat?",
		"--unknown":     "unknown flag: --unknown",
	} {
		_, err := parse(flag)
		if wantUsageError(t, err, want); err.Error() != want {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
