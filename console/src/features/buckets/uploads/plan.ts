// What is known before an upload starts: which names it makes, and what is asked of the
// server about them.
import { extensionOf, folderOf, keyProblem, nameOf } from '../objects/names';
import { inOne } from './engine';

export interface Chosen {
  path: string; // as it was chosen: "a.png", or "folder/a.png"
  file: File;
}

export interface Planned {
  key: string;
  file: File;
}

/** eventOf is the event that uploading so many bytes causes: how they are sent decides. */
export const eventOf = (size: number): string => (size <= inOne ? 'oss:ObjectCreated:PostObject' : 'oss:ObjectCreated:CompleteMultipartUpload');

/** plan gives the files their keys; those that can have none are apart, with the reason. */
export function plan(chosen: readonly Chosen[], prefix: string): { files: Planned[]; refused: { path: string; why: string }[] } {
  const files = new Map<string, Planned>();
  const refused: { path: string; why: string }[] = [];
  for (const { path, file } of chosen) {
    const key = prefix + path.replace(/^\/+/, '');
    const why = keyProblem(key);
    if (why) refused.push({ path, why });
    else files.set(key, { key, file }); // the last one of a name, as it would be on the server
  }
  return { files: [...files.values()], refused };
}

const twofold = /\.tar\.[a-z0-9]+$/i;

/** another is a key with a number in its name: "a (1).png" for "a.png". */
export function another(key: string, n: number): string {
  const folder = folderOf(key);
  const name = nameOf(key);
  const double = twofold.exec(name)?.index ?? -1;
  const dot = double > 0 ? double : name.lastIndexOf('.');
  return dot > 0 ? `${folder}${name.slice(0, dot)} (${n})${name.slice(dot)}` : `${folder}${name} (${n})`;
}

/**
 * keepBoth finds names for those files whose own are taken. taken looks up which of some
 * keys exist; no two files get one name.
 */
export async function keepBoth(files: readonly Planned[], taken: ReadonlySet<string>, lookUp: (keys: string[]) => Promise<ReadonlySet<string>>): Promise<Planned[]> {
  const used = new Set(files.map((f) => f.key));
  const out = [...files];
  let open = files.flatMap((f, i) => (taken.has(f.key) ? [i] : []));
  for (let n = 1; open.length > 0; n++) {
    const tried = open.map((i) => [i, another(files[i]!.key, n)] as const);
    const free = tried.filter(([, key]) => !used.has(key));
    const there = await lookUp(free.map(([, key]) => key));
    const settled = new Set<number>();
    for (const [i, key] of free) {
      if (there.has(key) || used.has(key)) continue;
      used.add(key);
      out[i] = { key, file: files[i]!.file };
      settled.add(i);
    }
    open = open.filter((i) => !settled.has(i));
  }
  return out;
}

/**
 * sample picks files to judge when there are too many: one of each folder and kind in
 * turn, so that a few thousand pictures do not hide the one table among them.
 */
export function sample<T extends { key: string; file: { size: number } }>(files: readonly T[], most: number): T[] {
  if (files.length <= most) return [...files];
  const groups = new Map<string, T[]>();
  for (const f of files) {
    const g = `${folderOf(f.key)}\0${extensionOf(f.key)}\0${eventOf(f.file.size)}`;
    const list = groups.get(g);
    if (list) list.push(f);
    else groups.set(g, [f]);
  }
  const out: T[] = [];
  for (let turn = 0; out.length < most; turn++) {
    for (const list of groups.values()) {
      const f = list[turn];
      if (f && out.length < most) out.push(f);
    }
  }
  return out;
}

/** byFolder groups keys by their folder, so that one listing can answer for many. */
export function byFolder(keys: readonly string[]): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const k of keys) {
    const f = folderOf(k);
    const list = out.get(f);
    if (list) list.push(k);
    else out.set(f, [k]);
  }
  return out;
}
