package chart

import (
	"fmt"
	"slices"
)

// Bar is a value with its spread; Low and High are 0 if there is none. Accent sets it off from the others.
type Bar struct {
	Name             string
	Value, Low, High float64
	Accent           bool
}

// Group is a list of bars with a heading.
type Group struct {
	Name string
	Bars []Bar
}

// Bars are horizontal bars on one axis.
type Bars struct {
	Head
	Log    bool
	Mark   float64 // a line across all of them, from which bars on a logarithmic axis begin; 0: none
	Groups []Group
}

const (
	names     = 270 // width of the column of names
	barHeight = 16
	barStep   = 24
	valueRoom = 60 // for the value after the longest bar
)

// SVG draws the bars, each with its value, and a whisker from Low to High.
func (b Bars) SVG() []byte {
	values := []float64{b.Mark}
	for _, g := range b.Groups {
		for _, bar := range g.Bars {
			values = append(values, bar.Value, bar.Low, bar.High)
		}
	}
	s := newScale(values, b.Log, names+margin, width-margin-valueRoom)
	base := s.from
	if b.Log && b.Mark > 0 {
		base = s.at(b.Mark)
	}
	var c canvas
	y := float64(headRoom)
	for _, g := range b.Groups {
		if g.Name != "" {
			c.text("m", margin, y+12, g.Name)
			y += 20
		}
		for _, bar := range g.Bars {
			bar.draw(&c, s, base, y)
			y += barStep
		}
		y += 8
	}
	var axis canvas
	axis.ticks(s, headRoom, y)
	if b.Mark > 0 {
		axis.line("o", s.at(b.Mark), headRoom-4, s.at(b.Mark), y)
	}
	axis.Write(c.Bytes())
	return axis.finish(b.Head, y+26)
}

func (bar Bar) draw(c *canvas, s scale, base, y float64) {
	color := 1
	if bar.Accent {
		color = 0
	}
	middle := y + barHeight/2
	c.text("e", names+margin-8, middle+4, bar.Name)
	end := s.at(bar.Value)
	c.put(`<rect class="f%d" x="%s" y="%s" width="%s" height="%d" rx="2"/>`, color, number(min(base, end)), number(y),
		number(max(1, end-base, base-end)), barHeight)
	end = max(base, end)
	if bar.High > bar.Low {
		low, high := s.at(bar.Low), s.at(bar.High)
		c.line("w", low, middle, high, middle)
		c.line("w", low, middle-4, low, middle+4)
		c.line("w", high, middle-4, high, middle+4)
		end = max(end, high)
	}
	c.text("", end+6, middle+4, Short(bar.Value))
}

// ticks draws vertical lines and their values below them.
func (c *canvas) ticks(s scale, top, bottom float64) {
	for _, v := range s.ticks {
		x := s.at(v)
		c.line("g", x, top, x, bottom)
		c.text("m c", x, bottom+16, Short(v))
	}
}

// Dots are several values of each name on one logarithmic axis, such as quantiles.
type Dots struct {
	Head
	Kinds  []string // of the values, in ascending order
	Groups []DotGroup
}

// DotGroup is a list of rows with a heading.
type DotGroup struct {
	Name string
	Rows []DotRow
}

// DotRow has a value for each kind.
type DotRow struct {
	Name   string
	Values []float64
	Accent bool
}

// SVG draws a line from the first value of each row to the last, and a marker for each.
func (d Dots) SVG() []byte {
	var values []float64
	for _, g := range d.Groups {
		for _, r := range g.Rows {
			values = append(values, r.Values...)
		}
	}
	s := newScale(values, true, names+margin, width-margin-valueRoom)
	var c canvas
	x := float64(names + margin)
	for i, kind := range d.Kinds {
		c.marker(i, 1, x+6, headRoom+4)
		c.text("m", x+16, headRoom+8, kind)
		x += 80
	}
	top := float64(headRoom + 20)
	y := top
	var rows canvas
	for _, g := range d.Groups {
		rows.text("m", margin, y+12, g.Name)
		y += 20
		for _, r := range g.Rows {
			r.draw(&rows, s, y)
			y += barStep
		}
		y += 8
	}
	c.ticks(s, top, y)
	c.Write(rows.Bytes())
	return c.finish(d.Head, y+26)
}

func (r DotRow) draw(c *canvas, s scale, y float64) {
	color, middle := 1, y+barHeight/2
	if r.Accent {
		color = 0
	}
	c.text("e", names+margin-8, middle+4, r.Name)
	c.line(fmt.Sprintf("s s%d", color), s.at(slices.Min(r.Values)), middle, s.at(slices.Max(r.Values)), middle)
	for i, v := range r.Values {
		c.marker(i, color, s.at(v), middle)
	}
	c.text("", s.at(slices.Max(r.Values))+10, middle+4, Short(r.Values[len(r.Values)-1]))
}

// marker draws one of four shapes.
func (c *canvas) marker(shape, color int, x, y float64) {
	at := func(dx, dy float64) string { return number(x+dx) + " " + number(y+dy) }
	switch shape % 4 {
	case 0:
		c.put(`<circle class="f%d" cx="%s" cy="%s" r="4"/>`, color, number(x), number(y))
	case 1:
		c.put(`<path class="f%d" d="M%sL%sL%sL%sZ"/>`, color, at(-4, -4), at(4, -4), at(4, 4), at(-4, 4))
	case 2:
		c.put(`<path class="f%d" d="M%sL%sL%sZ"/>`, color, at(0, -5), at(5, 4), at(-5, 4))
	default:
		c.put(`<path class="f%d" d="M%sL%sL%sL%sZ"/>`, color, at(0, -5), at(5, 0), at(0, 5), at(-5, 0))
	}
}
