package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func examples() map[string]func() []byte {
	head := Head{Title: "Ours & theirs", Unit: "messages <per> second", About: `"A" is faster`}
	return map[string]func() []byte{
		"bars":   Bars{Head: head, Groups: []Group{{"free", []Bar{{"A", 100, 90, 120, true}, {Name: "B", Value: 10}}}}}.SVG,
		"ratios": Bars{Head: head, Log: true, Mark: 1, Groups: []Group{{"", []Bar{{"A", 150, 0.5, 160, true}, {Name: "B", Value: 0.3}}}}}.SVG,
		"dots":   Dots{Head: head, Kinds: []string{"p50", "p99"}, Groups: []DotGroup{{"half", []DotRow{{"A", []float64{0.1, 12}, true}}}}}.SVG,
		"lines": Lines{Head: head, XName: "bytes", Lines: []Line{{"A", true, []Point{{50, 10, 9, 11}, {200, 5, 0, 0}}},
			{"B", false, []Point{{50, 1, 1, 1}}}}}.SVG,
		"a point": Lines{Head: head, LogY: true, Lines: []Line{{"A", true, []Point{{X: 1, Y: 0}}}}}.SVG,
	}
}

// The pictures are well-formed, have a title and a description, and are the same each time.
func TestSVG(t *testing.T) {
	for name, draw := range examples() {
		svg := draw()
		if !bytes.Equal(svg, draw()) {
			t.Errorf("%s: drawn again, it differs", name)
		}
		texts := make(map[string]string)
		decoder, inside := xml.NewDecoder(bytes.NewReader(svg)), ""
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, svg)
			}
			switch token := token.(type) {
			case xml.StartElement:
				inside = token.Name.Local
			case xml.CharData:
				texts[inside] += string(token)
			}
		}
		if !strings.HasPrefix(texts["title"], "Ours & theirs") || !strings.HasPrefix(texts["desc"], `"A" is faster`) {
			t.Errorf("%s: title %q, description %q", name, texts["title"], texts["desc"])
		}
		for _, word := range []string{"NaN", "Inf", "%!"} {
			if bytes.Contains(svg, []byte(word)) {
				t.Errorf("%s contains %s:\n%s", name, word, svg)
			}
		}
		if !strings.Contains(texts["style"], "prefers-color-scheme:dark") {
			t.Errorf("%s has no dark look", name)
		}
	}
}

func TestShort(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{{0, "0"}, {0.0123, "0.0123"}, {0.5, "0.5"}, {1, "1"}, {12.34, "12.3"}, {430, "430"}, {8192, "8192"}, {9999, "10k"}, {123456, "123k"}, {999_600, "1M"}, {1_234_567, "1.23M"}} {
		if got := Short(c.v); got != c.want {
			t.Errorf("Short(%v) = %q, want %q", c.v, got, c.want)
		}
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		values    []float64
		log       bool
		low, high float64
		ticks     int
	}{
		{[]float64{3, 87}, false, 0, 100, 3}, // 0, 50, 100
		{[]float64{0}, false, 0, 1, 3},
		{[]float64{400_000}, false, 0, 400_000, 5},
		{[]float64{0.3, 150}, true, 0.1, 1000, 5},
		{[]float64{10, 10}, true, 10, 100, 2},
		{[]float64{0, 0}, true, 0, 1, 3},
	} {
		s := newScale(c.values, c.log, 0, 100)
		if math.Abs(s.low-c.low) > 1e-9 || math.Abs(s.high-c.high) > 1e-6 || len(s.ticks) != c.ticks {
			t.Errorf("%v: from %v to %v, ticks %v", c.values, s.low, s.high, s.ticks)
		}
		if s.at(s.low) != 0 || math.Abs(s.at(s.high)-100) > 1e-9 {
			t.Errorf("%v: %v to %v", c.values, s.at(s.low), s.at(s.high))
		}
	}
}
