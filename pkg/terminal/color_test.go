package terminal

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// luminance returns the relative luminance (WCAG 2) of one of the 256 colours, from 16 on.
func luminance(t *testing.T, color uint8) float64 {
	t.Helper()
	if color < 16 {
		t.Fatalf("colour %d is as the terminal's theme has it", color)
	}
	levels := [...]float64{0, 95, 135, 175, 215, 255}
	n := int(color) - 16
	rgb := [...]float64{levels[n/36%6], levels[n/6%6], levels[n%6]}
	if color >= 232 {
		grey := float64(8 + 10*(int(color)-232))
		rgb = [...]float64{grey, grey, grey}
	}
	l := 0.0
	for i, weight := range [...]float64{0.2126, 0.7152, 0.0722} {
		c := rgb[i] / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// Every style is readable: its letters have a contrast of 4.5 with what is behind them, whatever the terminal's theme.
func TestContrast(t *testing.T) {
	all := append(append(programStyles[:], severityStyles[:]...), foundStyle)
	seen := map[style]bool{}
	for _, s := range all {
		if s == (style{}) {
			continue
		}
		if c := contrast(luminance(t, s.letters), luminance(t, s.behind)); c < 4.5 {
			t.Errorf("%d on %d has a contrast of %.2f", s.letters, s.behind, c)
		}
		if want := fmt.Sprintf("38;5;%d;48;5;%dm", s.letters, s.behind); !strings.HasSuffix(s.sequence(), want) {
			t.Errorf("%+v is %q", s, s.sequence())
		}
		seen[s] = true
	}
	if want := len(programStyles) + 4 + 1; len(seen) != want { // emerg, alert and crit look alike
		t.Errorf("%d different styles, want %d", len(seen), want)
	}
}

// No colour of letters alone would do: that is why there is one behind them.
func TestNoColorSuitsEverywhere(t *testing.T) {
	const solarizedDark, solarizedLight = 0.0192, 0.9247 // #002b36, #fdf6e3
	for color := 16; color < 256; color++ {
		l := luminance(t, uint8(color))
		if min(contrast(l, 0), contrast(l, 1), contrast(l, solarizedDark), contrast(l, solarizedLight)) >= 4.5 {
			t.Errorf("%d is readable everywhere", color)
		}
	}
}

func TestColors(t *testing.T) {
	for pri, want := range map[int]string{
		0: "\x1b[1;38;5;231;48;5;127memerg\x1b[0m  ", 1: "\x1b[1;38;5;231;48;5;127malert\x1b[0m  ", 2: "\x1b[1;38;5;231;48;5;127mcrit\x1b[0m   ",
		3: "\x1b[1;38;5;231;48;5;160merror\x1b[0m  ", 4: "\x1b[38;5;16;48;5;214mwarn\x1b[0m   ", 5: "\x1b[38;5;16;48;5;117mnotice\x1b[0m ",
		6: "info   ", 7: "debug  ",
	} {
		m := withTopic("t", fmt.Sprintf("<%d>1 2026-11-30T17:03:19Z h p 1 - - x", pri))
		m.Received = at
		p := Printer{Color: true, Zone: time.UTC}
		want = "17:03:19 h " + colorOf([]byte("p")) + "p" + reset + "[1] " + want + "[t] x\n"
		if got := string(p.Append(nil, &m, nil)); got != want {
			t.Errorf("%d: got %q, want %q", pri, got, want)
		}
	}
	if colorOf([]byte("sshd")) == colorOf([]byte("cron")) {
		t.Error("sshd and cron have the same colour")
	}
	if hash([]byte("a")) != 0xe40c292c { // the specification's test vector
		t.Errorf("FNV-1a of a is %#x", hash([]byte("a")))
	}
}
