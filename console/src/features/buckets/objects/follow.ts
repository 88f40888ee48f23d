// Whether a list of a folder still says what is there, by what happened since.
import type { Event } from '../../../api/gen';
import type { Item } from '../../../shared/oss';

/** Seen is what of a folder is shown: its entries so far (a folder has no item), and the last of them if there are more. */
export interface Seen {
  prefix: string;
  entries: ReadonlyMap<string, Item | undefined>;
  until?: string;
}

// What happens to an upload before it is an object.
const unfinished = /^ObjectCreated:(InitiateMultipartUpload|UploadPart|UploadPartCopy)$|^ObjectRemoved:AbortMultipartUpload$/;

/** agrees reports whether a list shows what an event left behind; where that cannot be told, it does not. */
export function agrees(e: Pick<Event, 'type' | 'key' | 'eTag' | 'time'>, seen: Seen): boolean {
  const { key = '', type } = e;
  if (unfinished.test(type) || !key.startsWith(seen.prefix) || key === seen.prefix) return true;
  if (seen.until !== undefined && key > seen.until) return true; // it is read when it comes into sight
  const slash = key.indexOf('/', seen.prefix.length);
  if (slash >= 0) return !type.startsWith('ObjectRemoved') && seen.entries.has(key.slice(0, slash + 1));
  if (type.startsWith('ObjectRemoved')) return !seen.entries.has(key);
  const item = seen.entries.get(key);
  if (!item) return false;
  const second = (t: number) => Math.floor(t / 1000); // lists tell no more
  return item.etag.toLowerCase() === (e.eTag ?? '').replaceAll('"', '').toLowerCase() && second(item.modified) >= second(Date.parse(e.time));
}
