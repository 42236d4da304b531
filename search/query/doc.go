// Package query holds the language in which documents are searched, and what a
// search asks and answers, whatever the back end.
//
// What enters is a text; what leaves is a tree, or a [SyntaxError] that says
// where it is wrong and what was expected. In EBNF:
//
//	query    = [ or ] .
//	or       = and { "OR" and } .
//	and      = not { [ "AND" ] not } .
//	not      = [ "NOT" | "-" ] primary .
//	primary  = "(" or ")" | "*" | field | text .
//	field    = name ":" ( "*" | range | value [ "*" ] ) | name compare value .
//	compare  = "<" | "<=" | ">" | ">=" .
//	range    = ( "[" | "{" ) bound "TO" bound ( "]" | "}" ) .
//	bound    = "*" | value .
//	text     = value [ "*" ] .
//	value    = word | string .
//	word     = character { character } .    // no space, none of ( ) [ ] { } " * < > = :
//	string   = '"' { any but '"' and '\' | '\' any } '"' .
//
// Behind a name and its sign, a word may hold : too, as times do. A name is that
// of a field ([document.Field]); name:* asks for documents that have it. [ and ]
// include their bound, { and } leave it out, * is no bound. Text without a name
// is looked for in all text fields; several words in a string follow each other
// there. A * behind a value asks for what begins with it. Times are RFC 3339, a
// day (2026-01-31) or milliseconds since 1970, UTC.
//
// Invariants, cited elsewhere by number:
//
//  1. A tree's String is parsed to an equal tree.
//  2. A tree from [Parse] has at most [MaxTerms] terms and [MaxDepth] levels, each
//     term fits its field, and a beginning has at least [MinPrefix] characters.
//  3. A document lacks what its field does not hold: no comparison, and no NOT
//     of one, depends on how a back end thinks of nothing.
//  4. Answers are ordered wholly, by the sort field, what lacks it last, then by
//     key; a cursor names a place in that order, so that a growing index neither
//     repeats nor hides what was there.
//  5. Amounts are equal by their exact digits; ranges, order and aggregations
//     take them in double precision.
package query
