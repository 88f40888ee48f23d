// Files that were chosen or dropped, folders with all that is in them.
import type { Chosen } from './plan';

/** most bounds how many files one choice may have. */
export const most = 100_000;

export function fromInput(list: FileList | null): Chosen[] {
  return [...(list ?? [])].slice(0, most).map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

const fileOf = (e: FileSystemFileEntry) => new Promise<File>((resolve, reject) => e.file(resolve, reject));

async function* inside(dir: FileSystemDirectoryEntry): AsyncGenerator<FileSystemEntry> {
  const reader = dir.createReader();
  for (;;) {
    // A reader gives at most a hundred at once, and nothing at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    yield* some;
  }
}

/** fromDrop must be called while the drop is handled: the browser forgets what was dropped soon after. */
export async function fromDrop(data: DataTransfer): Promise<Chosen[]> {
  const roots: (FileSystemEntry | File)[] = [];
  for (const item of data.items) {
    if (item.kind !== 'file') continue;
    const e = item.webkitGetAsEntry() ?? item.getAsFile();
    if (e) roots.push(e);
  }
  const out: Chosen[] = [];
  const walk = async (e: FileSystemEntry) => {
    if (out.length >= most) return;
    if (e.isFile) out.push({ path: e.fullPath.replace(/^\//, ''), file: await fileOf(e as FileSystemFileEntry) });
    else for await (const c of inside(e as FileSystemDirectoryEntry)) await walk(c);
  };
  for (const r of roots) {
    if (r instanceof File) out.push({ path: r.name, file: r });
    else await walk(r);
  }
  return out;
}
