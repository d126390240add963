package spool

import (
	"errors"
	"os"
	"testing"
	"time"
)

// What an earlier boot has left is adopted at once, if its clock was ahead of ours: nobody waits for its workers.
func TestBeatOfAnEarlierBoot(t *testing.T) {
	mine, now := worker(1), Now()
	theirs := mine
	theirs.Boot++
	for ago, want := range map[time.Duration]bool{-time.Hour: true, -time.Nanosecond: true, 0: false, grace: false, grace + 1: true} {
		if got := orphan(mine, theirs, now-int64(ago), now); got != want {
			t.Errorf("%v ago: %v", ago, got)
		}
	}
}

// Process ids and start times are compared only within one boot, PID namespace and time namespace.
func TestPlace(t *testing.T) {
	at := func(boot, pid, clock string) uint64 {
		t.Helper()
		proc := t.TempDir()
		err := errors.Join(os.MkdirAll(proc+"/self/ns", 0o700), os.MkdirAll(proc+"/sys/kernel/random", 0o700))
		for name, link := range map[string]string{"pid": pid, "time": clock} {
			if link != "" {
				err = errors.Join(err, os.Symlink(link, proc+"/self/ns/"+name))
			}
		}
		if boot != "" {
			err = errors.Join(err, os.WriteFile(proc+"/sys/kernel/random/boot_id", []byte(boot), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
		return place(proc)
	}
	here := at("b\n", "pid:[1]", "time:[2]")
	if here == 0 || at("b\n", "pid:[1]", "time:[2]") != here || at("", "pid:[1]", "time:[2]") != 0 {
		t.Error("the same place has another number, or one that is not known has one")
	}
	for _, there := range [][3]string{{"c\n", "pid:[1]", "time:[2]"}, {"b\n", "pid:[3]", "time:[2]"}, {"b\n", "pid:[1]", "time:[3]"},
		{"b\n", "pid:[1]", ""}, {"b\n", "pid:[1]time:[2]", ""}} {
		if at(there[0], there[1], there[2]) == here {
			t.Errorf("%q is taken for the same place", there)
		}
	}
}

// A time namespace adds to the clock.
func TestBootShift(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "monotonic           5         7\nboottime            0         0\n": 0,
		"monotonic 0 0\nboottime         86400   5\n": 86400*int64(time.Second) + 5,
		"boottime -2 500000000\n":                     -1500 * int64(time.Millisecond), "boottime x 1\n": 0, "boottime 9\n": 0,
	} {
		if got := bootShift([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
