package chart

import (
	"fmt"
	"slices"
	"strings"
)

// Point is a value at X, with its spread; Low and High are 0 if there is none.
type Point struct{ X, Y, Low, High float64 }

// Line joins points, in ascending order of X.
type Line struct {
	Name   string
	Accent bool // ours; the others are grey and the colours that follow
	Points []Point
}

// Lines are lines over one axis of X, which is logarithmic, with a tick at each X.
type Lines struct {
	Head
	XName string
	XText func(x float64) string // of a tick; nil: Short
	LogY  bool
	Lines []Line
}

const (
	plotHeight = 240
	yLabels    = 56 // width of the column of values
)

// SVG draws the lines, with a marker and a whisker at each point.
func (l Lines) SVG() []byte {
	var xs, ys []float64
	for _, line := range l.Lines {
		for _, p := range line.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y, p.High)
			if p.Low > 0 {
				ys = append(ys, p.Low)
			}
		}
	}
	var c canvas
	y := float64(headRoom)
	for i, line := range l.Lines {
		c.marker(i, l.color(i), margin+6, y+4)
		c.text("", margin+18, y+8, line.Name)
		y += 18
	}
	top := y + 8
	bottom := top + plotHeight
	sy := newScale(ys, l.LogY, bottom, top)
	for _, v := range sy.ticks {
		c.line("g", margin+yLabels, sy.at(v), width-margin, sy.at(v))
		c.text("m e", margin+yLabels-6, sy.at(v)+4, Short(v))
	}
	sx := scale{low: slices.Min(xs), high: slices.Max(xs), from: margin + yLabels + 20, to: width - margin - 20, log: true}
	if sx.high <= sx.low {
		sx.high = 10 * sx.low
	}
	text := l.XText
	if text == nil {
		text = Short
	}
	slices.Sort(xs)
	for _, x := range slices.Compact(xs) {
		c.text("m c", sx.at(x), bottom+16, text(x))
	}
	c.text("m c", (sx.from+sx.to)/2, bottom+34, l.XName)
	for i, line := range l.Lines {
		line.draw(&c, i, l.color(i), sx, sy)
	}
	return c.finish(l.Head, bottom+46)
}

// color is blue, orange and so on for ours; the first of the others is grey.
func (l Lines) color(i int) int {
	ours, others := 0, 0
	for _, line := range l.Lines[:i] {
		if line.Accent {
			ours++
		} else {
			others++
		}
	}
	if l.Lines[i].Accent {
		return [...]int{0, 2, 3}[min(ours, 2)]
	}
	return [...]int{1, 4}[min(others, 1)]
}

func (line Line) draw(c *canvas, shape, color int, sx, sy scale) {
	var d strings.Builder
	for i, p := range line.Points {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		d.WriteString(verb + number(sx.at(p.X)) + " " + number(sy.at(p.Y)))
	}
	c.put(`<path class="s s%d" d="%s"/>`, color, d.String())
	for _, p := range line.Points {
		if p.High > p.Low {
			c.line(fmt.Sprintf("s s%d", color), sx.at(p.X), sy.at(p.Low), sx.at(p.X), sy.at(p.High))
		}
		c.marker(shape, color, sx.at(p.X), sy.at(p.Y))
	}
}
