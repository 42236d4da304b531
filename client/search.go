package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	v1 "github.com/librum/librum/api/v1"
)

// Search asks the node's index.
func (c *Client) Search(ctx context.Context, r *v1.SearchRequest) (v1.SearchAnswer, error) {
	var out v1.SearchAnswer
	b, err := json.Marshal(r)
	if err != nil {
		return out, fmt.Errorf("search: %w", err)
	}
	return out, c.do(ctx, &call{method: http.MethodPost, path: "/v1/search", contentType: "application/json", body: b, safe: true, out: &out})
}

// SearchFields lists what can be searched.
func (c *Client) SearchFields(ctx context.Context) (v1.SearchFields, error) {
	var out v1.SearchFields
	return out, c.do(ctx, get("/v1/search/fields", nil, &out))
}
