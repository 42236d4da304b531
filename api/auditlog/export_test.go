package auditlog

// SetMaxFileBytes has the log go on in a new file sooner.
func (l *Log) SetMaxFileBytes(n int64) { l.most = n }
