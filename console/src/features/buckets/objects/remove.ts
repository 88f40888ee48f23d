// Deleting many objects: a hundred at a time, and what became of each.
import { objectPath, Refusal, send } from '../../../shared/api';
import { oss } from '../../../shared/oss';
import { failureOf, shownFailures, type Failure } from './failure';
import { md5 } from './md5';
import { dotted } from './names';

export const batch = 100;

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;', '\n': '&#xA;', '\t': '&#x9;' };

/** deleteBody is the request of DeleteMultipleObjects for some keys. */
export function deleteBody(keys: readonly string[]): string {
  const objects = keys.map((k) => `<Object><Key>${k.replace(/[&<>\r\n\t]/g, (c) => escapes[c]!)}</Key></Object>`);
  return `<?xml version="1.0" encoding="UTF-8"?><Delete><Quiet>true</Quiet>${objects.join('')}</Delete>`;
}

/** inXML reports whether XML can hold a key: it cannot hold most control characters. */
function inXML(key: string): boolean {
  for (let i = 0; i < key.length; i++) {
    const c = key.charCodeAt(i);
    if ((c < 0x20 && c !== 9 && c !== 10 && c !== 13) || c === 0xfffe || c === 0xffff) return false;
  }
  return true;
}

/** removeKeys deletes some keys, at most a hundred, or none if one may not be deleted. */
export async function removeKeys(bucket: string, keys: readonly string[]): Promise<void> {
  const body = new TextEncoder().encode(deleteBody(keys));
  await send(`/oss/${bucket}?delete`, { method: 'POST', body, headers: { 'Content-MD5': md5(body), 'Content-Type': 'application/xml' } });
}

export interface Progress {
  deleted: number;
  failed: Failure[]; // the first ones
  failures: number;
  found: number; // keys found so far; folders are looked through on the way
  done: boolean;
}

/** allKeys gives the chosen keys, and for each chosen folder all keys in it, in lists. */
async function* allKeys(bucket: string, chosen: readonly string[], isFolder: (key: string) => boolean, signal: AbortSignal): AsyncGenerator<string[]> {
  const objects = chosen.filter((k) => !isFolder(k));
  for (let i = 0; i < objects.length; i += batch) yield objects.slice(i, i + batch);
  for (const folder of chosen.filter(isFolder)) {
    for await (const list of oss.under(bucket, folder, signal)) {
      const keys = list.map((o) => o.key);
      for (let i = 0; i < keys.length; i += batch) yield keys.slice(i, i + batch);
    }
  }
}

/** removeAll deletes keys and folders, and tells after each step how far it is. */
export async function removeAll(bucket: string, chosen: readonly string[], isFolder: (key: string) => boolean, tell: (p: Progress) => void, signal: AbortSignal): Promise<Progress> {
  const p: Progress = { deleted: 0, failed: [], failures: 0, found: 0, done: false };
  const failed = (key: string, err: unknown) => {
    p.failures++;
    if (p.failed.length < shownFailures) p.failed.push(failureOf(key, err));
  };
  for await (const keys of allKeys(bucket, chosen, isFolder, signal)) {
    if (signal.aborted) break;
    p.found += keys.length;
    tell({ ...p });
    const some = keys.filter(inXML);
    let one = keys.filter((k) => !inXML(k));
    try {
      if (some.length > 0) await removeKeys(bucket, some);
      p.deleted += some.length;
    } catch (err) {
      // One key that may not be deleted keeps all of its batch: then each is tried alone.
      if (err instanceof Refusal && err.status >= 400 && err.status < 500) one = keys;
      else for (const k of some) failed(k, err);
    }
    for (const k of one) {
      if (signal.aborted) break;
      try {
        if (dotted(k)) await removeKeys(bucket, [k]);
        else await send(objectPath(bucket, k), { method: 'DELETE' });
        p.deleted++;
      } catch (err) {
        failed(k, err);
      }
    }
    tell({ ...p, failed: [...p.failed] });
  }
  p.done = true;
  tell({ ...p, failed: [...p.failed] });
  return p;
}
