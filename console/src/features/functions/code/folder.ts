// A folder of the reader's disk as a package.
import type { Entry } from './package';

export interface Folder {
  name: string;
  files: Map<string, Entry>;
  size: number;
  /** modules counts the files in node_modules */
  modules: number;
}

const most = 20_000; // files
const mostBytes = 500 << 20;

// What tools leave behind and no function needs.
const skipped = /(^|\/)(\.git|\.svn|\.hg|__pycache__|\.DS_Store|Thumbs\.db)(\/|$)/;

/** readFolder reads chosen files; their paths begin with the folder's own name, which is left out. */
export async function readFolder(list: { path: string; file: Blob }[]): Promise<Folder> {
  const name = list[0]?.path.split('/')[0] ?? '';
  const wanted = list.map(({ path, file }) => ({ path: path.split('/').slice(1).join('/') || path, file })).filter(({ path }) => !skipped.test(path));
  if (wanted.length > most) throw new Error(`${wanted.length} > ${most}`);
  const size = wanted.reduce((n, { file }) => n + file.size, 0);
  if (size > mostBytes) throw new Error(`${size} > ${mostBytes}`);
  const files = new Map<string, Entry>();
  for (const { path, file } of wanted) files.set(path, { data: new Uint8Array(await file.arrayBuffer()), mode: 0 });
  return { name, files, size, modules: [...files.keys()].filter((p) => /(^|\/)node_modules\//.test(p)).length };
}
