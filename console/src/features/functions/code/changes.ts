// What an editor has done to a package, and how that meets what others did to it.
import { same, type Entry, type Files } from './package';

/** Change is one file's: what it was when the edit began, and what it is now; null: not there. */
export interface Change {
  base: Uint8Array | null;
  mine: Uint8Array | null;
}
export type Changes = ReadonlyMap<string, Change>;

export interface Conflict extends Change {
  path: string;
  theirs: Uint8Array | null;
}

/** edited gives the changes after a file became mine; none of it is left if that is what it was. */
export function edited(files: Files, changes: Changes, path: string, mine: Uint8Array | null): Changes {
  const base = files.get(path)?.data ?? null;
  const next = new Map(changes);
  if (same(base, mine)) next.delete(path);
  else next.set(path, { base, mine });
  return next;
}

/** applied is a package with changes. */
export function applied(files: Files, changes: Changes): Files {
  const out = new Map<string, Entry>(files);
  for (const [path, { mine }] of changes) {
    if (mine === null) out.delete(path);
    else out.set(path, { data: mine, mode: files.get(path)?.mode ?? 0 });
  }
  return out;
}

/**
 * rebased carries changes over to a package that others made of the same base: what they
 * did not touch stays mine, what both made the same is no change any more, and the rest is
 * in conflict. A conflict stays among the changes as mine, so nothing is lost before it is
 * decided.
 */
export function rebased(changes: Changes, theirs: Files): { changes: Changes; conflicts: Conflict[] } {
  const next = new Map<string, Change>();
  const conflicts: Conflict[] = [];
  for (const [path, { base, mine }] of changes) {
    const their = theirs.get(path)?.data ?? null;
    if (same(their, mine)) continue;
    next.set(path, { base: their, mine });
    if (!same(their, base)) conflicts.push({ path, base, mine, theirs: their });
  }
  return { changes: next, conflicts };
}

/** difference lists the paths in which two packages differ. */
export function difference(a: Files, b: Files): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((p) => !same(a.get(p)?.data ?? null, b.get(p)?.data ?? null));
}
