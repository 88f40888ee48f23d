// The page's one upload queue. It lives as long as the page does, whatever is shown.
import { useSyncExternalStore } from 'react';
import { sayUploading } from '../../../shared/uploading';
import { Uploads, type Memory, type Snapshot } from './engine';
import { memory, transport } from './transport';

// Tabs share what is remembered. Those uploads that another tab has in hand are left to
// it: it answers to their ids.
const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('alcedo.uploads');
const mine = new Set<string>();
channel?.addEventListener('message', (e: MessageEvent<{ ask?: string; held?: string }>) => {
  if (e.data.ask && mine.has(e.data.ask)) channel.postMessage({ held: e.data.ask });
});

function heldElsewhere(): Promise<(id: string) => boolean> {
  if (!channel) return Promise.resolve(() => false);
  const held = new Set<string>();
  const hear = (e: MessageEvent<{ held?: string }>) => void (e.data.held && held.add(e.data.held));
  channel.addEventListener('message', hear);
  return new Promise((resolve) =>
    setTimeout(() => {
      channel.removeEventListener('message', hear);
      resolve((id) => held.has(id));
    }, 200),
  );
}

const shelf: Memory = {
  async all() {
    const rows = await memory.all();
    if (rows.length === 0) return rows;
    const held = heldElsewhere();
    for (const r of rows) if (!mine.has(r.uploadId)) channel?.postMessage({ ask: r.uploadId });
    const isHeld = await held;
    const left = rows.filter((r) => !isHeld(r.uploadId));
    for (const r of left) mine.add(r.uploadId);
    return left;
  },
  async put(r) {
    mine.add(r.uploadId);
    await memory.put(r);
  },
  async remove(id) {
    mine.delete(id);
    await memory.remove(id);
  },
};

export const uploads = new Uploads(transport, shelf);

let restored: Promise<void> | undefined;

/** restore lists once what a reload interrupted. */
export const restore = (): Promise<void> => (restored ??= uploads.restore());

// Progress comes many times a second; people read slower.
let shown: Snapshot = uploads.snapshot();
const watchers = new Set<() => void>();
let due = false;
uploads.subscribe(() => {
  if (due) return;
  due = true;
  setTimeout(() => {
    due = false;
    shown = uploads.snapshot();
    for (const f of watchers) f();
  }, 100);
});

const subscribe = (f: () => void) => {
  watchers.add(f);
  return () => void watchers.delete(f);
};

export const useUploads = (): Snapshot => useSyncExternalStore(subscribe, () => shown);

/** begin queues files for a bucket and has the panel shown. */
export function begin(bucket: string, files: readonly { key: string; file: File }[], overwrite: boolean): void {
  sayUploading(true);
  void restore().then(() => {
    uploads.add(bucket, files.map(({ key, file }) => ({ key, file, lastModified: file.lastModified, type: file.type })), overwrite);
    sayUploading(true); // the panel, still empty, may have taken itself away meanwhile
  });
}

// Whoever leaves the page while it uploads is asked.
window.addEventListener('beforeunload', (e) => {
  if (uploads.snapshot().active) e.preventDefault();
});
