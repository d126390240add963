// Package chart draws SVG pictures of measurements: bars, dots and lines. The same values give the same bytes. The
// pictures have a title and a description for those who cannot see them, and a light and a dark look of their own.
package chart

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Head is what every chart has.
type Head struct {
	Title string
	Unit  string // a line below the title: what is measured, in which unit
	About string // the picture in words
}

const (
	width    = 760
	margin   = 16
	headRoom = 56 // height of title and unit
)

// The colours have a contrast of at least 3 to the background, and text one of 4.5. Lines differ in their markers too.
const style = `<style>
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#1f2328}
.h{font-size:15px;font-weight:600}.m{fill:#59636e}.e{text-anchor:end}.c{text-anchor:middle}
.bg{fill:#fff;stroke:#d1d9e0}.g{stroke:#d1d9e0}.o{stroke:#1f2328;stroke-dasharray:3 3}.w{stroke:#1f2328;stroke-width:1.5}
.f0{fill:#0969da}.f1{fill:#7d8590}.f2{fill:#bc4c00}.f3{fill:#1a7f37}.f4{fill:#8250df}
.s{fill:none;stroke-width:2}.s0{stroke:#0969da}.s1{stroke:#7d8590}.s2{stroke:#bc4c00}.s3{stroke:#1a7f37}.s4{stroke:#8250df}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.m{fill:#9198a1}.bg{fill:#0d1117;stroke:#3d444d}.g{stroke:#3d444d}
.o,.w{stroke:#f0f6fc}.f0{fill:#4493f8}.f1{fill:#8b949e}.f2{fill:#db6d28}.f3{fill:#3fb950}.f4{fill:#ab7df8}
.s0{stroke:#4493f8}.s1{stroke:#8b949e}.s2{stroke:#db6d28}.s3{stroke:#3fb950}.s4{stroke:#ab7df8}}
</style>
`

// canvas collects what is drawn.
type canvas struct{ bytes.Buffer }

func (c *canvas) put(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// text writes at a baseline; class is of style.
func (c *canvas) text(class string, x, y float64, text string) {
	c.put(`<text class="%s" x="%s" y="%s">%s</text>`, class, number(x), number(y), html.EscapeString(text))
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	c.put(`<path class="%s" d="M%s %sL%s %s"/>`, class, number(x1), number(y1), number(x2), number(y2))
}

// finish returns the picture.
func (c *canvas) finish(h Head, height float64) []byte {
	var out canvas
	out.put(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%s" viewBox="0 0 %[1]d %[2]s" role="img" aria-labelledby="t d">`,
		width, number(height))
	out.put(`<title id="t">%s</title>`, html.EscapeString(h.Title))
	out.put(`<desc id="d">%s</desc>`, html.EscapeString(h.About))
	out.WriteString(style)
	out.put(`<rect class="bg" x="0.5" y="0.5" width="%d" height="%s" rx="6"/>`, width-1, number(height-1))
	out.text("h", margin, 26, h.Title)
	out.text("m", margin, 44, h.Unit)
	out.Write(c.Bytes())
	out.put(`</svg>`)
	return out.Bytes()
}

// number is short: at most one decimal.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// Short writes a value with three digits and, from 10,000 on, a k or M.
func Short(v float64) string {
	switch {
	case v >= 999_500:
		return digits(v/1e6) + "M"
	case v >= 9_995:
		return digits(v/1e3) + "k"
	}
	return digits(v)
}

func digits(v float64) string {
	if v == 0 {
		return "0"
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// scale maps values to a range of the canvas.
type scale struct {
	low, high float64 // values
	from, to  float64 // canvas
	log       bool
	ticks     []float64
}

// newScale covers the values: from 0, or with log from a round value below the least.
func newScale(values []float64, log bool, from, to float64) scale {
	s := scale{from: from, to: to, log: log, low: 0, high: 1}
	positive := slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return v <= 0 })
	if len(positive) == 0 {
		s.log = false
		positive = []float64{1}
	}
	if s.log {
		s.low = math.Pow(10, math.Floor(math.Log10(slices.Min(positive))+1e-9))
		s.high = math.Pow(10, math.Ceil(math.Log10(slices.Max(positive))-1e-9))
		if s.high <= s.low {
			s.high = 10 * s.low
		}
		for v := s.low; v <= s.high*1.001; v *= 10 {
			s.ticks = append(s.ticks, v)
		}
		return s
	}
	step := roundStep(slices.Max(positive) / 4)
	s.high = step * math.Ceil(slices.Max(positive)/step-1e-9)
	for i := 0; float64(i)*step <= s.high*1.001; i++ {
		s.ticks = append(s.ticks, float64(i)*step)
	}
	return s
}

// roundStep returns the least of 1, 2 and 5 times a power of ten that is not below v.
func roundStep(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*unit >= v*(1-1e-9) {
			return factor * unit
		}
	}
	return 10 * unit
}

func (s scale) at(v float64) float64 {
	share := (v - s.low) / (s.high - s.low)
	if s.log {
		share = (math.Log10(max(v, s.low)) - math.Log10(s.low)) / (math.Log10(s.high) - math.Log10(s.low))
	}
	return s.from + share*(s.to-s.from)
}
