package chart

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Bar is a number with a name; one that is not finite has no bar.
type Bar struct {
	Name  string
	Value float64
}

const (
	slotMost  = 40 // a bar and the gap beside it
	slotLeast = 3
)

// Bars draws one bar a number, up and down from zero. Where there is no room for
// all names, some are left out; each bar has its own as a title.
func Bars(title, x, y string, bars []Bar) []byte {
	low, high := 0.0, 0.0
	for _, b := range bars {
		if finite(b.Value) {
			v := min(max(b.Value, -largest), largest)
			low, high = min(low, v), max(high, v)
		}
	}
	if low == high {
		high = 1
	}
	slot := max(slotLeast, min(slotMost, width/max(len(bars), 1)))
	wide := max(width, slot*len(bars))
	at := frame{first: 0, last: 1, low: low, high: high}
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	line(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`, left+wide+20, top+height+foot)
	line(`<rect width="100%%" height="100%%" fill="white"/>`)
	line(`<text x="%d" y="22" font-size="14">%s</text>`, left, html.EscapeString(title))
	for part := range steps + 1 {
		value := low + (high-low)*float64(part)/steps
		line(`<line x1="%d" y1="%s" x2="%d" y2="%s" stroke="#ddd"/>`, left, at.y(value), left+wide, at.y(value))
		line(`<text x="%d" y="%s" text-anchor="end">%.4g</text>`, left-6, at.y(value), value)
	}
	every := max(1, (slotMost+slot-1)/slot)
	for i, bar := range bars {
		from := left + slot*i
		if i%every == 0 {
			line(`<text x="%d" y="%d" text-anchor="middle" font-size="9">%s</text>`, from+slot/2, top+height+14, html.EscapeString(bar.Name))
		}
		if !finite(bar.Value) {
			continue
		}
		upper, lower := at.height(max(bar.Value, 0)), at.height(min(bar.Value, 0))
		line(`<rect x="%d" y="%s" width="%d" height="%s" fill="hsl(210,65%%,45%%)"><title>%s: %.6g</title></rect>`,
			from+slot/6, place(upper), max(1, slot*2/3), place(lower-upper), html.EscapeString(bar.Name), bar.Value)
	}
	line(`<text x="%d" y="%d" text-anchor="middle">%s</text>`, left+wide/2, top+height+40, html.EscapeString(x))
	line(`<text x="14" y="%d" transform="rotate(-90 14 %d)" text-anchor="middle">%s</text>`, top+height/2, top+height/2, html.EscapeString(y))
	line(`</svg>`)
	return []byte(b.String())
}

// height is y as a number, rounded as it is written.
func (f frame) height(value float64) float64 {
	value = min(max(value, f.low), f.high)
	return math.Round(100*(top+height-height*(value-f.low)/(f.high-f.low))) / 100
}
