package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// roundLine is a final round as progress shows it.
type roundLine struct {
	Round, Rounds  int
	Accuracy, Loss float64 // NaN where nobody claims one
	Peers          int     // whose updates are in the average
	Elapsed        time.Duration
	Height         uint64 // of the chain
}

func (l roundLine) String() string {
	return fmt.Sprintf("round %*d/%d  accuracy %s  loss %s  peers %d  %s  block %d",
		len(fmt.Sprint(l.Rounds)), l.Round, l.Rounds, share(l.Accuracy), number(l.Loss), l.Peers, l.Elapsed.Round(100*time.Millisecond), l.Height)
}

func share(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100*x)
}

func number(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.4f", x)
}

// progress shows how a job gets on.
type progress interface {
	Round(roundLine)
	// Note says something that is no round, such as why the job waits.
	Note(text string)
	// Done ends the display, whether or not all rounds were seen.
	Done()
}

// newProgress returns a bar where w is a terminal, and a display of a line per
// round otherwise.
func newProgress(w io.Writer, rounds int) progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return newBar(w, rounds)
	}
	return &lines{w: w}
}

// lines prints a line per round.
type lines struct{ w io.Writer }

func (l *lines) Round(r roundLine) { say(l.w, "%s", r) }
func (l *lines) Note(text string)  { say(l.w, "%s", text) }
func (l *lines) Done()             {}

// bar draws one line that fills up.
type bar struct {
	container *mpb.Progress
	bar       *mpb.Bar

	mu   sync.Mutex // the bar is drawn by a goroutine of its own
	text string
}

func newBar(w io.Writer, rounds int) *bar {
	b := &bar{container: mpb.New(mpb.WithOutput(w), mpb.WithWidth(80), mpb.WithAutoRefresh())}
	b.bar = b.container.New(int64(rounds), mpb.BarStyle(),
		mpb.PrependDecorators(decor.CountersNoUnit("round %d/%d ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.text
		})),
	)
	return b
}

func (b *bar) Round(r roundLine) {
	_, rest, _ := strings.Cut(r.String(), "accuracy")
	b.set(" accuracy" + rest)
	b.bar.SetCurrent(int64(r.Round))
}

func (b *bar) Note(text string) { b.set(" " + text) }

func (b *bar) set(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = text
}

func (b *bar) Done() {
	b.bar.Abort(false) // a full bar is complete and stays as it is
	b.container.Wait()
}
