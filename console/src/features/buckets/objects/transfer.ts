// Copying, moving and renaming: CopyObject for each object, then DeleteObject if it moves,
// and what became of each.
import { objectPath, Refusal, send } from '../../../shared/api';
import { oss, type Item } from '../../../shared/oss';
import { inTurns } from '../api';
import { failureOf, shownFailures, type Failure } from './failure';
import { dotted, folderOf, keyProblem } from './names';
import { removeKeys } from './remove';

/** Chosen is an object with its item, or a folder. */
export interface Chosen {
  key: string;
  item?: Item;
}

export interface Way {
  bucket: string; // from where
  to: string; // the other bucket, or the same
  /** target is a key for what was chosen when it is one thing, and else a folder for all of it */
  target: string;
  move: boolean;
  overwrite: boolean;
}

export interface Step {
  from: string;
  to: string;
  etag: string;
  size: number;
}

/** wayProblem says why things cannot go there: a name of a message, or nothing. */
export function wayProblem(chosen: readonly Chosen[], w: Pick<Way, 'bucket' | 'to' | 'target'>): 'empty' | 'slash' | 'long' | 'zero' | 'dots' | 'same' | 'inside' | undefined {
  const one = chosen.length === 1;
  if (one || w.target !== '') {
    const why = keyProblem(w.target);
    if (why) return why;
  }
  for (const c of chosen) {
    const to = targetOf(c.key, c, one, w.target);
    if (w.bucket === w.to && to === c.key) return 'same';
    if (w.bucket === w.to && !c.item && to.startsWith(c.key)) return 'inside';
    if (keyProblem(to) === 'long') return 'long';
  }
  return undefined;
}

/** targetOf is the key to be of a key: of what was chosen, or of something in a chosen folder. */
export function targetOf(key: string, chosen: Chosen, one: boolean, target: string): string {
  const folder = !chosen.item;
  if (one) return folder ? settled(target) + key.slice(chosen.key.length) : target;
  return settled(target) + key.slice(folderOf(chosen.key).length);
}

/** settled is a folder as it is kept: with its slash. */
export const settled = (folder: string): string => (folder === '' || folder.endsWith('/') ? folder : folder + '/');

/** steps gives what is to be done, in lists; folders are looked through on the way. */
export async function* steps(chosen: readonly Chosen[], w: Pick<Way, 'bucket' | 'target'>, signal?: AbortSignal): AsyncGenerator<Step[]> {
  const one = chosen.length === 1;
  const objects = chosen.flatMap((c) => (c.item ? [{ from: c.key, to: targetOf(c.key, c, one, w.target), etag: c.item.etag, size: c.item.size }] : []));
  if (objects.length > 0) yield objects;
  for (const c of chosen) {
    if (c.item) continue;
    for await (const list of oss.under(w.bucket, c.key, signal)) yield list.map((o) => ({ from: o.key, to: targetOf(o.key, c, one, w.target), etag: o.etag, size: o.size }));
  }
}

export interface Progress {
  found: number;
  done: number;
  skipped: number; // the name is taken
  failures: number;
  failed: Failure[]; // the first ones
  over: boolean;
}

const width = 3;

/** carry does one step. What changed since it was listed is not carried. It answers false if the name is taken. */
async function carry(w: Way, s: Step, signal: AbortSignal): Promise<boolean> {
  const headers: Record<string, string> = { 'x-oss-copy-source': '/' + w.bucket + '/' + s.from.split('/').map(encodeURIComponent).join('/') };
  if (s.etag) headers['x-oss-copy-source-if-match'] = `"${s.etag}"`;
  if (!w.overwrite) headers['x-oss-forbid-overwrite'] = 'true';
  try {
    await send(objectPath(w.to, s.to), { method: 'PUT', headers, signal });
  } catch (err) {
    if (err instanceof Refusal && err.code === 'FileAlreadyExists') return false;
    throw err;
  }
  // From here on it is not interrupted: the object would be in both places.
  if (w.move) await (dotted(s.from) ? removeKeys(w.bucket, [s.from]) : send(objectPath(w.bucket, s.from), { method: 'DELETE' }));
  return true;
}

/** transfer carries everything, three at a time, and tells how far it is. It ends early when signal aborts. */
export async function transfer(chosen: readonly Chosen[], w: Way, tell: (p: Progress) => void, signal: AbortSignal, tellProblem: (why: string) => string = (s) => s, one: typeof carry = carry): Promise<Progress> {
  const p: Progress = { found: 0, done: 0, skipped: 0, failures: 0, failed: [], over: false };
  const say = () => tell({ ...p, failed: [...p.failed] });
  for await (const list of steps(chosen, w, signal)) {
    if (signal.aborted) break;
    p.found += list.length;
    say();
    await inTurns(width, list, async (s) => {
      if (signal.aborted) return;
      try {
        if (keyProblem(s.to)) throw new Error(tellProblem(keyProblem(s.to)!));
        if (await one(w, s, signal)) p.done++;
        else p.skipped++;
      } catch (err) {
        if (signal.aborted) return;
        p.failures++;
        if (p.failed.length < shownFailures) p.failed.push(failureOf(s.from, err));
      }
      say();
    });
  }
  p.over = true;
  say();
  return p;
}
