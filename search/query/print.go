package query

import (
	"strconv"
	"strings"
)

// String returns a query that is parsed to an equal tree, but for [In].
func String(n Node) string {
	var b strings.Builder
	write(&b, n)
	return b.String()
}

func write(b *strings.Builder, n Node) {
	switch n := n.(type) {
	case All:
		b.WriteString("*")
	case And:
		join(b, " AND ", n.Nodes)
	case Or:
		join(b, " OR ", n.Nodes)
	case Not:
		b.WriteString("NOT ")
		operand(b, n.Node)
	case Exists:
		b.WriteString(n.Field + ":*")
	case Equal:
		b.WriteString(n.Field + ":" + show(n.Value))
	case Prefix:
		b.WriteString(n.Field + ":" + quote(n.Text) + "*")
	case Range:
		writeRange(b, n)
	case Words:
		if n.Field != "" {
			b.WriteString(n.Field + ":")
		}
		b.WriteString(quote(strings.Join(n.Words, " ")))
		if n.Prefix {
			b.WriteString("*")
		}
	case In:
		b.WriteString(n.Field + " in (" + strconv.Itoa(len(n.Values)) + " values)")
	}
}

func writeRange(b *strings.Builder, n Range) {
	ends := map[bool]string{true: "{}", false: "[]"}
	b.WriteString(n.Field + ":" + ends[n.FromOpen][:1] + bound(n.From) + " TO " + bound(n.To) + ends[n.ToOpen][1:])
}

func bound(v any) string {
	if v == nil {
		return "*"
	}
	return show(v)
}

func join(b *strings.Builder, sign string, nodes []Node) {
	for i, n := range nodes {
		if i > 0 {
			b.WriteString(sign)
		}
		operand(b, n)
	}
}

func operand(b *strings.Builder, n Node) {
	switch n.(type) {
	case And, Or:
		b.WriteString("(")
		write(b, n)
		b.WriteString(")")
	default:
		write(b, n)
	}
}

func show(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64) // an amount has no exponent
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
