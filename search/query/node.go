package query

// Node is a node of the tree: one of the types below.
type Node interface{ node() }

// All finds every document.
type All struct{}

// And finds what all of its nodes find; there are two or more.
type And struct{ Nodes []Node }

// Or finds what one of its nodes finds; there are two or more.
type Or struct{ Nodes []Node }

// Not finds what its node does not.
type Not struct{ Node Node }

// Exists finds documents that have the field.
type Exists struct{ Field string }

// Equal finds documents whose field holds the value: a string for keywords and
// amounts, int64 for integers and times, float64 for numbers, a bool for flags.
type Equal struct {
	Field string
	Value any
}

// Prefix finds documents whose keyword begins with the text.
type Prefix struct{ Field, Text string }

// Range finds documents whose field lies between the bounds; nil is no bound.
// Bounds are as in [Equal], those of amounts float64.
type Range struct {
	Field            string
	From, To         any
	FromOpen, ToOpen bool // the bound itself is left out
}

// Words finds documents whose text has the words one behind the other, the last
// as a beginning where Prefix says so. An empty field stands for all text fields.
type Words struct {
	Field  string
	Words  []string
	Prefix bool
}

// In finds documents whose keyword is one of the values. The language does not
// have it: it says what a reader may see.
type In struct {
	Field  string
	Values []string
}

func (All) node()    {}
func (And) node()    {}
func (Or) node()     {}
func (Not) node()    {}
func (Exists) node() {}
func (Equal) node()  {}
func (Prefix) node() {}
func (Range) node()  {}
func (Words) node()  {}
func (In) node()     {}
