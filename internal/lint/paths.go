package lint

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// checkedDocs reports whether paths in the document are promises to a reader.
// Folders' own README files speak of what is around them and count too.
func checkedDocs(name string) bool {
	return path.Dir(name) == "." || within(name, "docs") || path.Base(name) == "README.md"
}

// madePaths are named in documents and exist only after a build or a run.
var madePaths = []string{"bin", "build", "demo-data", "dist", "grafana-plugin/dist"}

var (
	codeSpan     = regexp.MustCompile("`([^`\n]+)`")
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	braces       = regexp.MustCompile(`^([^{}]*)\{([^{}]+)\}([^{}]*)$`)
	// suffixes that follow a path without being part of it: :line, /..., .Symbol.
	pathSuffix = regexp.MustCompile(`(:\d+.*|/\.\.\.|/|\.[A-Z]\w*(\.\w+)?(\(\))?)$`)
)

// checkDocPaths reports files and folders that a document names in `code`
// spans or links and that do not exist. A code span is a path if it has a
// slash and begins with an entry of the root; fenced blocks are not looked at.
func checkDocPaths(t *Tree) []Finding {
	var findings []Finding
	for name, text := range t.docs {
		if !checkedDocs(name) {
			continue
		}
		n, fenced := 0, false
		for line := range strings.Lines(string(text)) {
			n++
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			}
			if fenced {
				continue
			}
			for _, missing := range t.missingPaths(name, line) {
				findings = append(findings, Finding{
					Path: name, Line: n,
					Message: fmt.Sprintf("%s does not exist; correct the path, or name what is planned without backquotes", missing),
				})
			}
		}
	}
	return sorted(findings)
}

// missingPaths returns what one line of a document names and the tree lacks.
func (t *Tree) missingPaths(doc, line string) []string {
	var missing []string
	for _, match := range codeSpan.FindAllStringSubmatch(line, -1) {
		for _, name := range expandBraces(match[1]) {
			name = strings.TrimPrefix(pathSuffix.ReplaceAllString(name, ""), "./")
			if t.looksLikePath(name) && !t.known(name) && !t.known(path.Join(path.Dir(doc), name)) {
				missing = append(missing, name)
			}
		}
	}
	for _, match := range markdownLink.FindAllStringSubmatch(line, -1) {
		target, _, _ := strings.Cut(match[1], "#")
		if target == "" || strings.Contains(target, ":") || strings.HasPrefix(target, "/") {
			continue // a fragment of this page, a URL, a route
		}
		if target = path.Join(path.Dir(doc), target); !t.known(target) {
			missing = append(missing, target)
		}
	}
	return missing
}

// looksLikePath tells paths of this repository from routes, media types,
// import paths of others and prose.
func (t *Tree) looksLikePath(name string) bool {
	first, _, deep := strings.Cut(name, "/")
	isOurs := t.names[first] || slices.ContainsFunc(layers, func(l layer) bool {
		return slices.ContainsFunc(l.units, func(unit string) bool { return top(unit) == first })
	})
	return deep && isOurs && !strings.ContainsAny(name, " *<>$|…={}\"") && !slices.ContainsFunc(madePaths, func(made string) bool {
		return name == made || strings.HasPrefix(name, made+"/")
	})
}

// known reports whether the tree holds the file or folder. What the walk stays
// out of, such as testdata, is known if its parent is.
func (t *Tree) known(name string) bool {
	for dir := name; dir != "."; dir = path.Dir(dir) {
		if t.names[dir] {
			return dir == name || skipDir(dir)
		}
	}
	return false
}

// expandBraces turns chain/{order,store} or chain/{order store} into the two
// paths it stands for, and leaves everything else alone.
func expandBraces(span string) []string {
	parts := braces.FindStringSubmatch(span)
	if parts == nil {
		return []string{span}
	}
	var names []string
	for alternative := range strings.FieldsFuncSeq(parts[2], func(r rune) bool { return r == ' ' || r == ',' }) {
		names = append(names, parts[1]+alternative+parts[3])
	}
	return names
}
