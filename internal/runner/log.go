package runner

// logBuffer keeps the last MaxLog bytes written to it.
type logBuffer struct {
	b   []byte
	cut bool
}

func (l *logBuffer) write(p []byte) {
	if len(p) > MaxLog {
		l.b, l.cut = append(l.b[:0], p[len(p)-MaxLog:]...), true
		return
	}
	// Twice the limit before anything is moved, so that each byte moves once at most.
	if len(l.b)+len(p) > 2*MaxLog {
		n := copy(l.b, l.b[len(l.b)-(MaxLog-len(p)):])
		l.b, l.cut = l.b[:n], true
	}
	l.b = append(l.b, p...)
}

// bytes returns what is kept, and whether something was dropped.
func (l *logBuffer) bytes() ([]byte, bool) {
	if len(l.b) > MaxLog {
		return l.b[len(l.b)-MaxLog:], true
	}
	return l.b, l.cut
}
