package data

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Share is what a peer has of a split.
type Share struct {
	Name   string // of the peer
	Counts []int  // rows of each label, or of all where there is none
}

// The measures of a picture, in pixels.
const (
	pictureBars = 400 // height of the tallest bar
	pictureTop  = 40
	pictureLeft = 70
	pictureSlot = 28 // a bar and the gap beside it
	pictureBar  = 20
	pictureFoot = 60
	pictureKey  = 18 // a line of the key
	pictureWide = 4_000
)

// Picture draws a split as an SVG image: a bar for each peer, in it a piece for
// each label, as high as there are rows. Bars become thinner where there are
// many peers.
func Picture(title string, labels []string, shares []Share) []byte {
	slot := max(3, min(pictureSlot, pictureWide/max(len(shares), 1)))
	bar := max(2, slot*pictureBar/pictureSlot)
	most := 1
	for _, s := range shares {
		most = max(most, s.rows())
	}
	right := pictureLeft + slot*len(shares)
	height := max(pictureTop+pictureBars+pictureFoot, pictureTop+pictureKey*len(labels)+20)
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	line(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`, right+160, height)
	line(`<rect width="100%%" height="100%%" fill="white"/>`)
	line(`<text x="%d" y="22" font-size="14">%s</text>`, pictureLeft, html.EscapeString(title))
	for _, part := range []int{0, 1, 2, 3, 4} {
		y := pictureTop + pictureBars - pictureBars*part/4
		line(`<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#ddd"/>`, pictureLeft, y, right, y)
		line(`<text x="%d" y="%d" text-anchor="end">%d</text>`, pictureLeft-6, y+4, most*part/4)
	}
	every := max(1, (pictureSlot+slot-1)/slot) // names that have room
	for i, s := range shares {
		x, below := pictureLeft+slot*i+(slot-bar)/2, 0
		for label, n := range s.Counts {
			from, to := placeOf(below, most), placeOf(below+n, most)
			below += n
			if n > 0 {
				line(`<rect x="%d" y="%.2f" width="%d" height="%.2f" fill="%s"><title>%s: %d of %s</title></rect>`,
					x, to, bar, from-to, colour(label, len(s.Counts)), html.EscapeString(s.Name), n, html.EscapeString(labels[label]))
			}
		}
		if i%every == 0 {
			line(`<text x="%d" y="%d" text-anchor="middle" font-size="10">%s</text>`, x+bar/2, pictureTop+pictureBars+16, html.EscapeString(s.Name))
		}
	}
	line(`<text x="%d" y="%d" text-anchor="middle">peer</text>`, (pictureLeft+right)/2, pictureTop+pictureBars+40)
	for label, name := range labels {
		y := pictureTop + pictureKey*label
		line(`<rect x="%d" y="%d" width="12" height="12" fill="%s"/>`, right+16, y, colour(label, len(labels)))
		line(`<text x="%d" y="%d">%s</text>`, right+34, y+11, html.EscapeString(name))
	}
	line(`</svg>`)
	return []byte(b.String())
}

func (s Share) rows() int {
	n := 0
	for _, c := range s.Counts {
		n += c
	}
	return n
}

// placeOf is where so many rows end, from the top.
func placeOf(rows, most int) float64 {
	return pictureTop + pictureBars - math.Round(100*pictureBars*float64(rows)/float64(most))/100
}

// colour spreads labels over the circle of hues, light and dark in turn.
func colour(label, labels int) string {
	return fmt.Sprintf("hsl(%d,65%%,%d%%)", 360*label/max(labels, 1), 45+15*(label%2))
}
