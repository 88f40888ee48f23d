// Many objects as one ZIP file, made in the browser: each is read as it comes, and what is
// ready is handed to a Blob, which browsers keep on disk rather than in memory.
import { Zip, ZipPassThrough } from 'fflate';
import { objectPath, send } from '../../../shared/api';
import { oss, type Item } from '../../../shared/oss';
import { another } from '../uploads/plan';
import { failureOf, type Failure } from './failure';
import { dotted, folderOf } from './names';

/** what one ZIP may hold */
export const mostBytes = 1 << 30;
export const mostObjects = 1000;

/** TooMuch means that what was chosen has more than a ZIP may hold. */
export class TooMuch extends Error {}

/** inside lists what was chosen and what the folders among it hold; TooMuch if that is more than a ZIP may. */
export async function inside(bucket: string, chosen: readonly { key: string; item?: Item }[], signal: AbortSignal): Promise<Item[]> {
  const out: Item[] = [];
  let bytes = 0;
  const take = (items: Item[]) => {
    for (const i of items) {
      out.push(i);
      bytes += i.size;
    }
    if (out.length > mostObjects || bytes > mostBytes) throw new TooMuch();
  };
  take(chosen.flatMap((c) => (c.item ? [c.item] : [])));
  for (const c of chosen) {
    if (c.item) continue;
    for await (const list of oss.under(bucket, c.key, signal)) take(list);
  }
  return out;
}

/**
 * namesIn gives the objects their paths in the ZIP, below the folder that all of them are
 * in: no path leads out of where it is unpacked, and no two are the same.
 */
export function namesIn(keys: readonly string[], base: string): string[] {
  const used = new Set<string>();
  return keys.map((key) => {
    const rest = key.startsWith(base) ? key.slice(base.length) : key;
    const parts = rest.split(/[/\\]/).filter((p) => p !== '' && p !== '.' && p !== '..');
    const path = (parts.join('/') || '_') + (rest.endsWith('/') && parts.length > 0 ? '/' : '');
    let name = path;
    for (let n = 1; used.has(name); n++) name = another(path, n);
    used.add(name);
    return name;
  });
}

/** baseOf is the folder that what was chosen stands in. */
export const baseOf = (chosen: readonly { key: string }[]): string => (chosen[0] ? folderOf(chosen[0].key) : '');

export interface ZipProgress {
  files: number;
  of: number;
  bytes: number;
  ofBytes: number;
  failed: Failure[];
}

const inMemory = 16 << 20; // bytes, until they go into a Blob

/** zipped reads objects one after the other; those that cannot be read are told and left out. */
export async function zipped(bucket: string, items: readonly Item[], base: string, tell: (p: ZipProgress) => void, signal: AbortSignal): Promise<Blob> {
  const p: ZipProgress = { files: 0, of: items.length, bytes: 0, ofBytes: items.reduce((n, i) => n + i.size, 0), failed: [] };
  const say = () => tell({ ...p, failed: [...p.failed] });
  const ready: Blob[] = [];
  let fresh: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  let broken: unknown;
  const zip = new Zip((err, data) => {
    if (err) broken = err;
    fresh.push(data as Uint8Array<ArrayBuffer>);
    size += data.length;
    if (size < inMemory) return;
    ready.push(new Blob(fresh));
    fresh = [];
    size = 0;
  });
  const names = namesIn(items.map((i) => i.key), base);
  for (const [n, item] of items.entries()) {
    say();
    // What cannot be opened gets no entry; what breaks off within one spoils the file.
    let r: Response;
    try {
      if (dotted(item.key)) throw new Error('Browsers cannot ask for this name.');
      r = await send(objectPath(bucket, item.key), { signal });
    } catch (err) {
      if (signal.aborted) throw err;
      p.failed.push(failureOf(item.key, err));
      p.files++;
      continue;
    }
    const entry = new ZipPassThrough(names[n]!);
    entry.mtime = new Date(Math.max(item.modified, Date.UTC(1980, 0, 2)));
    zip.add(entry);
    const reader = r.body?.getReader();
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) break;
      entry.push(part.value);
      p.bytes += part.value.length;
      say();
    }
    entry.push(new Uint8Array(0), true);
    if (broken) throw broken instanceof Error ? broken : new Error(String(broken));
    p.files++;
  }
  zip.end();
  say();
  return new Blob([...ready, ...fresh], { type: 'application/zip' });
}
