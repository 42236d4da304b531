package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
)

// maxLines is the longest file in which a newcomer still finds a line.
const maxLines = 600

// checkFileSize reports long files. Tests may be long, tables often are.
func checkFileSize(t *Tree) []Finding {
	var findings []Finding
	for _, f := range t.Files {
		if f.Test || f.Generated {
			continue
		}
		if n := bytes.Count(f.Text, []byte("\n")); n > maxLines {
			message := fmt.Sprintf("has %d lines, at most %d are allowed; split it by step or type", n, maxLines)
			findings = append(findings, Finding{Path: f.Path, Message: message})
		}
	}
	return sorted(findings)
}

// promise matches what people write instead of the work. The words are put
// together here so that this file does not break its own rule.
var promise = regexp.MustCompile(`\b(` + "TO" + "DO|FIX" + "ME|XX" + `X)\b`)

// checkPromises reports promises left in the code.
func checkPromises(t *Tree) []Finding {
	var findings []Finding
	for _, f := range t.Files {
		n := 0
		for line := range bytes.Lines(f.Text) {
			n++
			if word := promise.Find(line); word != nil && !f.Generated {
				findings = append(findings, Finding{Path: f.Path, Line: n, Message: fmt.Sprintf("do it now or open an issue, instead of leaving %q", word)})
			}
		}
	}
	return sorted(findings)
}

// vagueFailure is what every error says anyway.
var vagueFailure = regexp.MustCompile(`(?i)\bfailed` + ` to\b`)

// checkErrorText reports string literals that say that something did not work
// instead of what was under way.
func checkErrorText(t *Tree) []Finding {
	var findings []Finding
	for _, f := range t.parsed() {
		if f.Test {
			continue
		}
		ast.Inspect(f.Syntax, func(node ast.Node) bool {
			literal, ok := node.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err == nil && vagueFailure.MatchString(text) {
				findings = append(findings, Finding{
					Path: f.Path, Line: t.line(literal.Pos()),
					Message: `name the action under way ("read block 7: %w") instead of saying that it ` + "failed",
				})
			}
			return true
		})
	}
	return sorted(findings)
}
