package image

// IdlePIDs returns the process ids of idle workers. Under bubblewrap they are its own.
func (p *Pool) IdlePIDs() (pids []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.idle {
		pids = append(pids, w.cmd.Process.Pid)
	}
	return pids
}

// IdleExited returns a channel that is closed when the one idle worker has ended.
func (p *Pool) IdleExited() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.idle[0].exited
}

// Waiting returns the number of queued jobs.
func (p *Pool) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
}

// Waiters returns how many calls share the one job with a key.
func (p *Pool) Waiters() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.flights {
		n += f.waiters
	}
	return n
}

// Sandboxed reports whether workers are started under bubblewrap.
func (p *Pool) Sandboxed() bool { return !p.o.NoSandbox && !p.spawner.noSandbox.Load() }
