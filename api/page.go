package api

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Page is the query of every list. It is exported, as the paths are, because the
// framework looks into no other embedded type.
type Page struct {
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before; missing for the first."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"Most entries of a page."`
}

func etag(digest ledger.Digest) string { return `"` + digest.String() + `"` }

// invalidCursor refuses a cursor that no page gave.
func invalidCursor() error {
	return fail("invalid", "query.cursor: want the next_cursor of the page before")
}

// scan lists rows behind the cursor, and one row more than asked for tells
// whether there is another page. last returns the key to go on after.
func scan(state contract.Range, prefix string, after contract.Key, limit int) (rows []contract.Row, more bool, err error) {
	rows, err = state.Scan(contract.Key(prefix), after, limit+1)
	if err != nil {
		return nil, false, err
	}
	if len(rows) > limit {
		return rows[:limit], true, nil
	}
	return rows, false, nil
}
