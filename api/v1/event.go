package v1

// The types of the events that end a job.
const (
	EventJobFinished  = "job.finished"
	EventJobFailed    = "job.failed"
	EventJobCancelled = "job.cancelled"
)

// EndsJob reports whether an event of that type is the last that matters.
func EndsJob(eventType string) bool {
	return eventType == EventJobFinished || eventType == EventJobFailed || eventType == EventJobCancelled
}
