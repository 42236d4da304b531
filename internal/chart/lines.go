package chart

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Series is one line: a number for each round, from First on.
type Series struct {
	Name   string
	First  int
	Values []float64
}

const (
	width  = 560
	height = 300
	left   = 70
	top    = 40
	right  = 200 // room for the key
	foot   = 50
	key    = 16 // a line of the key
	steps  = 4  // parts of an axis

	largest = 1e300 // what is drawn of a number: differences stay finite
)

// frame turns numbers into places.
type frame struct {
	first, last int
	low, high   float64
}

// Lines draws series over one axis. What it says of the axes is written beside
// them.
func Lines(title, x, y string, series []Series) []byte {
	at := frameOf(series)
	tall := max(top+height+foot, top+key*len(series)+20)
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	line(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`, left+width+right, tall)
	line(`<rect width="100%%" height="100%%" fill="white"/>`)
	line(`<text x="%d" y="22" font-size="14">%s</text>`, left, html.EscapeString(title))
	for part := range steps + 1 {
		value := at.low + (at.high-at.low)*float64(part)/steps
		line(`<line x1="%d" y1="%s" x2="%d" y2="%s" stroke="#ddd"/>`, left, at.y(value), left+width, at.y(value))
		line(`<text x="%d" y="%s" text-anchor="end">%.4g</text>`, left-6, at.y(value), value)
	}
	for part := range steps + 1 {
		round := at.first + (at.last-at.first)*part/steps
		if part > 0 && round == at.first+(at.last-at.first)*(part-1)/steps {
			continue
		}
		line(`<text x="%s" y="%d" text-anchor="middle">%d</text>`, at.x(round), top+height+18, round)
	}
	line(`<text x="%d" y="%d" text-anchor="middle">%s</text>`, left+width/2, top+height+40, html.EscapeString(x))
	line(`<text x="14" y="%d" transform="rotate(-90 14 %d)" text-anchor="middle">%s</text>`, top+height/2, top+height/2, html.EscapeString(y))
	for i, s := range series {
		colour := fmt.Sprintf("hsl(%d,65%%,%d%%)", 360*i/len(series), 40+15*(i%2))
		for _, points := range at.pieces(s) {
			line(`<polyline fill="none" stroke="%s" stroke-width="1.5" points="%s"/>`, colour, points)
		}
		line(`<rect x="%d" y="%d" width="12" height="12" fill="%s"/>`, left+width+16, top+key*i, colour)
		line(`<text x="%d" y="%d">%s</text>`, left+width+34, top+key*i+11, html.EscapeString(s.Name))
	}
	line(`</svg>`)
	return []byte(b.String())
}

// frameOf holds all that is finite; an axis has a length, whatever is drawn.
func frameOf(series []Series) frame {
	at := frame{first: math.MaxInt, last: math.MinInt, low: math.Inf(1), high: math.Inf(-1)}
	for _, s := range series {
		for i, v := range s.Values {
			if finite(v) {
				at.first, at.last = min(at.first, s.First+i), max(at.last, s.First+i)
				v = min(max(v, -largest), largest)
				at.low, at.high = min(at.low, v), max(at.high, v)
			}
		}
	}
	if at.first > at.last {
		return frame{first: 0, last: 1, low: 0, high: 1}
	}
	if at.first == at.last {
		at.last++
	}
	if at.high-at.low <= math.Abs(at.high)*1e-9 {
		margin := max(math.Abs(at.low)/100, 1e-9)
		at.low, at.high = at.low-margin, at.high+margin
	}
	return at
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func (f frame) x(round int) string {
	return place(left + width*float64(round-f.first)/float64(f.last-f.first))
}

func (f frame) y(value float64) string { return place(f.height(value)) }

func place(x float64) string { return fmt.Sprintf("%.2f", math.Round(100*x)/100) }

// pieces returns the points of a line, cut where a number is missing. One number
// alone is a short stroke.
func (f frame) pieces(s Series) []string {
	var pieces []string
	var points []string
	end := func() {
		if len(points) == 1 {
			points = append(points, points[0])
		}
		if len(points) > 0 {
			pieces = append(pieces, strings.Join(points, " "))
		}
		points = nil
	}
	for i, v := range s.Values {
		if !finite(v) {
			end()
			continue
		}
		points = append(points, f.x(s.First+i)+","+f.y(v))
	}
	end()
	return pieces
}
