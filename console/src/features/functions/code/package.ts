// Code packages: what is in a zip, and the zip of what is there.
import { unzipSync, zipSync, type Zippable } from 'fflate';

export interface Entry {
  data: Uint8Array;
  /** Unix mode as the zip tells it; 0: it does not */
  mode: number;
}

/** Files are a package's files by path; a path that ends with "/" is an empty folder. */
export type Files = ReadonlyMap<string, Entry>;

/** Sizes in bytes: what the editor opens, and what the server takes. */
export const maxEditable = 20 << 20;
const maxUnpacked = 256 << 20;
export const maxText = 1 << 20;
export const maxZip = 100 << 20;

const folderType = 0o040000;
const linkType = 0o120000;
const typeMask = 0o170000;

/** modes reads the Unix modes that a zip's directory tells, which fflate leaves out. */
export function modes(zip: Uint8Array): Map<string, number> {
  const v = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const out = new Map<string, number>();
  let end = zip.length - 22;
  while (end >= 0 && end > zip.length - 22 - 65536 && v.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0 || v.getUint32(end, true) !== 0x06054b50) return out;
  const utf8 = new TextDecoder();
  let at = v.getUint32(end + 16, true);
  for (let n = v.getUint16(end + 10, true); n > 0 && at + 46 <= zip.length && v.getUint32(at, true) === 0x02014b50; n--) {
    const name = v.getUint16(at + 28, true);
    if (v.getUint8(at + 5) === 3) out.set(utf8.decode(zip.subarray(at + 46, at + 46 + name)), v.getUint32(at + 38, true) >>> 16);
    at += 46 + name + v.getUint16(at + 30, true) + v.getUint16(at + 32, true);
  }
  return out;
}

export class TooLarge extends Error {}

/** unpack reads a zip; throws TooLarge, or what is wrong with it. */
export function unpack(zip: Uint8Array): Files {
  let total = 0;
  const all = unzipSync(zip, {
    filter: (f) => {
      total += f.originalSize;
      if (total > maxUnpacked) throw new TooLarge(`The package unpacks to more than ${maxUnpacked >> 20} MB.`);
      return true;
    },
  });
  const mode = modes(zip);
  const names = Object.keys(all);
  const out = new Map<string, Entry>();
  for (const path of names.sort(byPath)) {
    // A folder is kept only if nothing is in it.
    if (path.endsWith('/') && names.some((n) => n !== path && n.startsWith(path))) continue;
    out.set(path, { data: all[path]!, mode: mode.get(path) ?? 0 });
  }
  return out;
}

/** pack makes a zip; the same files give the same bytes, and so the same checksum. */
export function pack(files: Files): Uint8Array {
  const z: Zippable = {};
  for (const path of [...files.keys()].sort(byPath)) {
    const { data, mode } = files.get(path)!;
    const m = mode || (path.endsWith('/') ? folderType | 0o755 : 0o100644);
    z[path] = [data, { os: 3, attrs: m << 16, level: 6 }];
  }
  return zipSync(z, { mtime: new Date(1980, 0, 1) });
}

/** isLink: a symbolic link; its data is where it leads. */
export const isLink = (e: Entry): boolean => (e.mode & typeMask) === linkType;

/** textOf is a file as text, or null for what the editor does not open. */
export function textOf(data: Uint8Array): string | null {
  if (data.length > maxText || data.subarray(0, 8000).includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return null;
  }
}

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

export function same(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === b) return true;
  if (!a || !b || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** byPath orders paths as a tree shows them: folders before files, each by name. */
export function byPath(a: string, b: string): number {
  const x = a.split('/');
  const y = b.split('/');
  for (let i = 0; ; i++) {
    const lastX = i >= x.length - 1;
    const lastY = i >= y.length - 1;
    if (x[i] !== y[i]) {
      if (lastX !== lastY) return lastX ? 1 : -1;
      return (x[i] ?? '') < (y[i] ?? '') ? -1 : 1;
    }
    if (lastX || lastY) return x.length - y.length;
  }
}

/** badPath says which rule a new file's path breaks; empty if none. */
export function badPath(path: string, taken: Iterable<string>): '' | 'needed' | 'path' | 'taken' | 'folder' {
  if (!path) return 'needed';
  if (path.length > 512 || path.startsWith('/') || path.endsWith('/') || /[\\\0\n]/.test(path) || path.split('/').some((p) => p === '' || p === '.' || p === '..')) return 'path';
  for (const t of taken) {
    if (t === path) return 'taken';
    if (t.startsWith(path + '/') || (!t.endsWith('/') && path.startsWith(t + '/'))) return 'folder';
  }
  return '';
}

export function base64(data: Uint8Array): string {
  let s = '';
  for (let i = 0; i < data.length; i += 0x8000) s += String.fromCharCode(...data.subarray(i, i + 0x8000));
  return btoa(s);
}

/** short is a checksum as people compare it. */
export const short = (checksum: string): string => checksum.slice(0, 8);
