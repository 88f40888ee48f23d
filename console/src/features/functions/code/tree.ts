// A package's paths as the rows of a tree.
import { byPath } from './package';

export interface Node {
  path: string;
  name: string;
  depth: number;
  folder: boolean;
  open: boolean;
}

/** rows are what is in sight: everything but what closed folders hold. */
export function rows(paths: Iterable<string>, isOpen: (folder: string) => boolean): Node[] {
  const out: Node[] = [];
  const seen = new Set<string>();
  for (const path of [...paths].sort(byPath)) {
    const parts = path.replace(/\/$/, '').split('/');
    const empty = path.endsWith('/');
    let at = '';
    let hidden = false;
    for (let i = 0; i < parts.length - (empty ? 0 : 1) && !hidden; i++) {
      at += (i ? '/' : '') + parts[i];
      const open = isOpen(at);
      if (!seen.has(at)) {
        seen.add(at);
        out.push({ path: at, name: parts[i]!, depth: i, folder: true, open });
      }
      hidden = !open;
    }
    if (!hidden && !empty) out.push({ path, name: parts.at(-1)!, depth: parts.length - 1, folder: false, open: false });
  }
  return out;
}

/** openAtFirst: folders that hold what people wrote, not what they installed. */
export const openAtFirst = (folder: string): boolean => !/(^|\/)(node_modules|vendor|site-packages|__pycache__|\.[^/]+)$/.test(folder) && folder.split('/').length <= 2;
