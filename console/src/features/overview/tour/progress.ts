// How far the tour is: it goes on after a reload.
const key = 'alcedo.tour';

export interface Progress {
  bucket: string;
  fn: string;
  done: 0 | 1 | 2 | 3;
  picture?: string;
}

function read(): Progress | 'skipped' | null {
  const kept = localStorage.getItem(key);
  if (kept === 'skipped') return kept;
  try {
    const p = JSON.parse(kept ?? '') as Progress;
    return typeof p.bucket === 'string' && typeof p.fn === 'string' && [0, 1, 2, 3].includes(p.done) ? p : null;
  } catch {
    return null;
  }
}

/** suffix tells the things of one tour from those of another; letters and digits that both names may have. */
function suffix(): string {
  const digits = 'abcdefghijkmnpqrstuvwxyz23456789';
  return [...crypto.getRandomValues(new Uint8Array(5))].map((b) => digits[b % digits.length]).join('');
}

export const progress = {
  skipped: () => read() === 'skipped',
  /** underway: something was made, and the tour was not closed since; its end is told until then */
  underway: (): boolean => {
    const p = read();
    return p !== null && p !== 'skipped' && p.done > 0;
  },
  skip: () => localStorage.setItem(key, 'skipped'),
  /** begin goes on with a tour that was not closed, or starts anew. */
  begin: (): Progress => {
    const p = read();
    if (p && p !== 'skipped') return p;
    return progress.anew();
  },
  anew: (): Progress => {
    const id = suffix();
    const fresh: Progress = { bucket: `testbucket-${id}`, fn: `resize-${id}`, done: 0 };
    progress.keep(fresh);
    return fresh;
  },
  keep: (p: Progress) => localStorage.setItem(key, JSON.stringify(p)),
};
