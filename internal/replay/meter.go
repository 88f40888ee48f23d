package replay

import (
	"time"
)

// meter tells how fast a job went in the last ten seconds or so.
type meter struct {
	now   func() time.Time
	since time.Time
	n     float64
	speed float64
}

// add counts n deliveries and returns how many there were a second.
func (m *meter) add(n int) float64 {
	now := m.now()
	if m.since.IsZero() {
		m.since = now
		return 0 // a first page came at once
	}
	m.n += float64(n)
	took := now.Sub(m.since).Seconds()
	if took < 0.5 {
		return m.speed
	}
	m.speed = m.n / took
	if took > 10 {
		m.since, m.n = now.Add(-5*time.Second), m.speed*5
	}
	return m.speed
}
