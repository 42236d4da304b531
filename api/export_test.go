package api

import "errors"

// ReadBodies reads a body as each of the types that strangers may send, as the
// routes do, and returns the first refusal.
func ReadBodies(contentType string, body []byte) error {
	_, errSubmission := readSubmission(contentType, body, Limits{}.withDefaults())
	_, errSpec := readSpec(contentType, body)
	for _, err := range []error{errSubmission, errSpec} {
		if err != nil {
			return failureOf(err)
		}
	}
	return errors.Join(errSubmission, errSpec)
}
