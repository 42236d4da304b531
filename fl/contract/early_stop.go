package contract

// Complete reports whether a job has no further round to open: all are final, or
// early_stop's metric has not become better for as many rounds as it allows. A
// round whose metric was not told is no better.
func (j *Job) Complete() bool {
	patience := uint64(j.Spec.EarlyStop.Patience)
	return j.Finals == uint64(j.Spec.NumRounds) || patience > 0 && j.Finals-j.Best >= patience
}

// Note counts the claimed metrics of a round that has become final. Of equal
// values the first is the best.
func (j *Job) Note(round uint64, metrics Metrics) {
	value, told := metrics[j.Spec.EarlyStop.Metric]
	if told && (j.Best == 0 || j.Spec.EarlyStop.Better(value, j.BestValue)) {
		j.Best, j.BestValue = round, value
	}
}
