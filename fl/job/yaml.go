package job

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// parseYAML reads one document. Anchors and merge keys are refused: they let a
// few bytes stand for many.
func parseYAML(b []byte) (tree, error) {
	d := yaml.NewDecoder(bytes.NewReader(b))
	var root, next yaml.Node
	if err := d.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			return tree{}, document("empty; a job spec is an object")
		}
		return tree{}, document("not YAML: %v", err)
	}
	if err := d.Decode(&next); !errors.Is(err, io.EOF) {
		return tree{}, document("line %d: one document is allowed", next.Line)
	}
	return readYAML(root.Content[0], 0)
}

func readYAML(n *yaml.Node, depth int) (tree, error) {
	if depth > maxDepth {
		return tree{}, document("line %d: nested deeper than %d levels", n.Line, maxDepth)
	}
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return tree{}, document("line %d: anchors and aliases are not allowed", n.Line)
	}
	switch n.Kind {
	case yaml.SequenceNode:
		return readYAMLList(n, depth)
	case yaml.MappingNode:
		return readYAMLObject(n, depth)
	case yaml.ScalarNode:
		return readYAMLScalar(n)
	default:
		return tree{}, document("line %d: want a value", n.Line)
	}
}

func readYAMLScalar(n *yaml.Node) (tree, error) {
	switch n.ShortTag() {
	case "!!null":
		return tree{kind: null}, nil
	case "!!bool":
		return tree{kind: boolean, text: n.Value}, nil
	case "!!int", "!!float":
		return tree{kind: number, text: n.Value}, nil
	case "!!str":
		return tree{kind: text, text: n.Value}, nil
	}
	return tree{}, document("line %d: tag %s is not allowed", n.Line, shorten(n.ShortTag()))
}

func readYAMLList(n *yaml.Node, depth int) (tree, error) {
	t := tree{kind: list}
	for _, c := range n.Content {
		item, err := readYAML(c, depth+1)
		if err != nil {
			return t, err
		}
		t.items = append(t.items, item)
	}
	return t, nil
}

func readYAMLObject(n *yaml.Node, depth int) (tree, error) {
	t := tree{kind: object}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if name.Kind != yaml.ScalarNode || name.ShortTag() != "!!str" || name.Anchor != "" {
			return t, document("line %d: want the name of a field", name.Line)
		}
		value, err := readYAML(n.Content[i+1], depth+1)
		if err != nil {
			return t, err
		}
		t.members = append(t.members, member{name: name.Value, value: value})
	}
	return t, nil
}
