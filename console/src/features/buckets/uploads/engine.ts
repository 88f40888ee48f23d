import { messageOf } from '../../../shared/api';
// The upload queue: three workers for all files together, so that the page keeps
// connections for itself; small files as one form post, large ones in parts that can be
// paused, retried, and resumed after a reload.

export const workers = 3;
export const inOne = 8 << 20; // bytes up to which a file goes as one PostObject
const smallestPart = 8 << 20;
const maxParts = 10_000; // of a multipart upload
const tries = 5; // of one part or post, before its file has failed
const kept = 100; // finished files that stay in the list one by one

export type State = 'waiting' | 'uploading' | 'paused' | 'failed' | 'done' | 'skipped' | 'detached';

export interface Upload {
  id: string;
  bucket: string;
  key: string;
  size: number;
  lastModified: number;
  type: string;
  state: State;
  sent: number; // bytes
  error?: string;
  multipart: boolean;
}

/** Transport is what the queue asks of OSS; progress is bytes of this one call. */
export interface Transport {
  post(u: Upload, file: Blob, overwrite: boolean, progress: (sent: number) => void, signal: AbortSignal): Promise<void>;
  initiate(u: Upload, overwrite: boolean): Promise<string>;
  part(u: Upload, uploadId: string, number: number, data: Blob, progress: (sent: number) => void, signal: AbortSignal): Promise<string>;
  listParts(u: Upload, uploadId: string): Promise<{ number: number; etag: string; size: number }[] | null>;
  complete(u: Upload, uploadId: string, parts: { number: number; etag: string }[], overwrite: boolean): Promise<void>;
  abort(u: Upload, uploadId: string): Promise<void>;
}

/** Remembered is what outlives a reload: enough to go on when the file is chosen again. */
export interface Remembered {
  bucket: string;
  key: string;
  size: number;
  lastModified: number;
  type: string;
  uploadId: string;
  partSize: number;
  overwrite: boolean;
}

export interface Memory {
  all(): Promise<Remembered[]>;
  put(r: Remembered): Promise<void>;
  remove(uploadId: string): Promise<void>;
}

export interface Snapshot {
  uploads: readonly Upload[];
  finished: number; // files done, those no longer listed included
  total: number; // bytes of everything that is listed or finished since the queue was last empty
  sent: number;
  speed: number; // bytes a second, of the last seconds
  active: boolean;
}

/** Permanent is a transport's error that trying again does not mend. */
export class Permanent extends Error {}

/** Exists means that the key is taken and was not to be overwritten. */
export class Exists extends Permanent {}

interface Work {
  u: Upload;
  file: Blob | null;
  overwrite: boolean;
  stop: AbortController;
  uploadId: string;
  partSize: number;
  etags: Map<number, string>; // parts that are there
  flying: Map<number, number>; // part → bytes sent of it; a post is part 0
  begun: boolean; // initiate or listParts was asked
  ready: boolean; // and answered
  ending: boolean;
}

export function partSizeFor(size: number): number {
  let p = smallestPart;
  while (Math.ceil(size / p) > maxParts) p *= 2;
  return p;
}

const sameFile = (w: { bucket: string; key: string; size: number; lastModified: number }, o: { bucket: string; key: string; size: number; lastModified: number }) =>
  w.bucket === o.bucket && w.key === o.key && w.size === o.size && w.lastModified === o.lastModified;

export class Uploads {
  private works: Work[] = [];
  private listeners = new Set<() => void>();
  private flights = 0;
  private done = 0; // finished files that are no longer listed
  private listed = 0; // and those that are
  private doneBytes = 0;
  private speeds: { at: number; sent: number }[] = [];
  private moved = 0; // bytes sent since the page was loaded
  private view: Snapshot | null = null;
  private nextId = 1;
  private pending = false;

  constructor(
    private transport: Transport,
    private memory: Memory,
    private clock: () => number = Date.now,
    private sleep: (ms: number) => Promise<void> = (ms) => new Promise((r) => setTimeout(r, ms)),
  ) {}

  /** restore lists what a reload interrupted; each goes on when its file is added again. */
  async restore(): Promise<void> {
    for (const r of await this.memory.all()) {
      if (this.works.some((w) => w.uploadId === r.uploadId)) continue;
      const w = this.make(r.bucket, r.key, r.size, r.lastModified, r.type, null, r.overwrite);
      w.uploadId = r.uploadId;
      w.partSize = r.partSize;
      w.u.state = 'detached';
      this.works.push(w);
    }
    this.changed();
  }

  private make(bucket: string, key: string, size: number, lastModified: number, type: string, file: Blob | null, overwrite: boolean): Work {
    return {
      u: { id: String(this.nextId++), bucket, key, size, lastModified, type, state: 'waiting', sent: 0, multipart: size > inOne },
      file, overwrite, stop: new AbortController(), uploadId: '', partSize: partSizeFor(size), etags: new Map(), flying: new Map(), begun: false, ready: false, ending: false,
    };
  }

  /** add queues files; one that a reload interrupted goes on where it was. */
  add(bucket: string, files: { key: string; file: Blob; lastModified: number; type: string }[], overwrite = true): void {
    for (const f of files) {
      const at = { bucket, key: f.key, size: f.file.size, lastModified: f.lastModified };
      const old = this.works.find((w) => w.u.state === 'detached' && sameFile(w.u, at));
      if (old) {
        old.file = f.file;
        old.u.state = 'waiting';
        continue;
      }
      this.works.push(this.make(bucket, f.key, f.file.size, f.lastModified, f.type, f.file, overwrite));
    }
    this.changed();
    this.pump();
  }

  pause(id?: string): void {
    for (const w of this.pick(id)) {
      if (w.u.state !== 'waiting' && w.u.state !== 'uploading') continue;
      w.u.state = 'paused';
      this.interrupt(w);
    }
    this.changed();
  }

  resume(id?: string): void {
    for (const w of this.pick(id)) {
      if ((w.u.state !== 'paused' && w.u.state !== 'failed') || !w.file) continue;
      this.again(w);
    }
    this.changed();
    this.pump();
  }

  /** retryFailed tries all failed files again. */
  retryFailed(): void {
    for (const w of this.works) if (w.u.state === 'failed' && w.file) this.again(w);
    this.changed();
    this.pump();
  }

  private again(w: Work): void {
    w.u.state = 'waiting';
    delete w.u.error;
    w.stop = new AbortController();
  }

  /** remove takes a file off the list; an unfinished upload of it is aborted on the server. */
  remove(id: string): void {
    const w = this.works.find((x) => x.u.id === id);
    if (!w) return;
    this.works = this.works.filter((x) => x !== w);
    if (w.u.state === 'done') this.listed--;
    this.interrupt(w);
    if (w.uploadId && w.u.state !== 'done') {
      void this.transport.abort(w.u, w.uploadId).catch(() => undefined); // it stays in the bucket's fragments
      void this.memory.remove(w.uploadId);
    }
    this.changed();
    this.pump();
  }

  clearFinished(): void {
    this.works = this.works.filter((w) => w.u.state !== 'done' && w.u.state !== 'skipped');
    this.done = this.listed = 0;
    this.doneBytes = 0;
    this.changed();
  }

  subscribe = (f: () => void): (() => void) => {
    this.listeners.add(f);
    return () => void this.listeners.delete(f);
  };

  snapshot = (): Snapshot => {
    if (this.view) return this.view;
    const now = this.clock();
    this.speeds = this.speeds.filter((s) => now - s.at < 5000);
    const first = this.speeds[0];
    const speed = first && now > first.at ? ((this.moved - first.sent) * 1000) / (now - first.at) : 0;
    let total = this.doneBytes;
    let sent = this.doneBytes;
    for (const w of this.works) {
      if (w.u.state === 'skipped' || w.u.state === 'detached') continue;
      total += w.u.size;
      sent += w.u.state === 'done' ? w.u.size : w.u.sent;
    }
    this.view = {
      uploads: this.works.map((w) => ({ ...w.u })),
      finished: this.done + this.listed,
      total, sent, speed,
      active: this.works.some((w) => w.u.state === 'waiting' || w.u.state === 'uploading'),
    };
    return this.view;
  };

  private pick(id?: string): Work[] {
    return id === undefined ? this.works : this.works.filter((w) => w.u.id === id);
  }

  private interrupt(w: Work): void {
    w.stop.abort();
    w.flying.clear();
    this.count(w);
  }

  // Many progress events come at once; people see ten a second.
  private changed(): void {
    if (this.pending) return;
    this.pending = true;
    queueMicrotask(() => {
      this.pending = false;
      this.view = null;
      for (const f of this.listeners) f();
    });
  }

  private partBytes(w: Work, n: number): number {
    return Math.min(w.partSize, w.u.size - (n - 1) * w.partSize);
  }

  private count(w: Work): void {
    let sent = 0;
    for (const n of w.etags.keys()) sent += this.partBytes(w, n);
    for (const [n, b] of w.flying) if (!w.etags.has(n)) sent += b;
    const now = Math.min(sent, w.u.size);
    if (now > w.u.sent) {
      this.moved += now - w.u.sent;
      const at = this.clock();
      const last = this.speeds.at(-1);
      if (!last || at - last.at >= 250) this.speeds.push({ at, sent: this.moved });
    }
    w.u.sent = now;
  }

  // pump hands out work until all workers have some.
  private pump(): void {
    while (this.flights < workers) {
      const job = this.next();
      if (!job) return;
      this.flights++;
      void job().finally(() => {
        this.flights--;
        this.pump();
      });
    }
  }

  private next(): (() => Promise<void>) | null {
    for (const w of this.works) {
      if ((w.u.state !== 'waiting' && w.u.state !== 'uploading') || !w.file) continue;
      if (!w.u.multipart) {
        if (w.u.state === 'uploading') continue;
        w.u.state = 'uploading';
        return () => this.whole(w, w.file!);
      }
      if (!w.begun) {
        w.begun = true;
        w.u.state = 'uploading';
        return () => this.begin(w);
      }
      if (!w.ready) continue;
      w.u.state = 'uploading';
      const parts = Math.ceil(w.u.size / w.partSize);
      for (let n = 1; n <= parts; n++) {
        if (w.etags.has(n) || w.flying.has(n)) continue;
        w.flying.set(n, 0);
        return () => this.part(w, n);
      }
      if (w.flying.size === 0 && !w.ending) {
        w.ending = true;
        return () => this.end(w);
      }
    }
    return null;
  }

  // attempt runs f until it succeeds, its file is stopped, or it fails for good.
  private async attempt<T>(w: Work, f: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const { signal } = w.stop;
    for (let n = 1; ; n++) {
      try {
        const v = await f(signal);
        return signal.aborted ? undefined : v;
      } catch (err) {
        if (signal.aborted) return undefined;
        if (err instanceof Exists) {
          w.u.state = 'skipped';
          w.stop.abort();
          this.changed();
          return undefined;
        }
        if (err instanceof Permanent || n >= tries) {
          w.u.state = 'failed';
          w.u.error = messageOf(err);
          this.interrupt(w);
          this.changed();
          return undefined;
        }
        await this.sleep(500 * 2 ** (n - 1));
        if (signal.aborted) return undefined;
      }
    }
  }

  private async whole(w: Work, file: Blob): Promise<void> {
    const ok = await this.attempt(w, async (signal) => {
      await this.transport.post(w.u, file, w.overwrite, (b) => this.progress(w, 0, b), signal);
      return true;
    });
    w.flying.clear();
    if (ok) this.finished(w);
  }

  private progress(w: Work, n: number, bytes: number): void {
    if (w.stop.signal.aborted) return;
    w.flying.set(n, bytes);
    this.count(w);
    this.changed();
  }

  private async begin(w: Work): Promise<void> {
    const fresh = w.uploadId === '';
    const ok = await this.attempt(w, async () => {
      if (!fresh) {
        const there = await this.transport.listParts(w.u, w.uploadId);
        if (there) {
          for (const p of there) if (p.size === this.partBytes(w, p.number)) w.etags.set(p.number, p.etag);
          return true;
        }
        await this.memory.remove(w.uploadId); // the server does not have it any more: once again
      }
      w.uploadId = await this.transport.initiate(w.u, w.overwrite);
      await this.memory.put({
        bucket: w.u.bucket, key: w.u.key, size: w.u.size, lastModified: w.u.lastModified, type: w.u.type,
        uploadId: w.uploadId, partSize: w.partSize, overwrite: w.overwrite,
      });
      return true;
    });
    w.begun = w.ready = ok === true;
    this.count(w);
    this.changed();
  }

  private async part(w: Work, n: number): Promise<void> {
    const from = (n - 1) * w.partSize;
    const { stop } = w;
    const etag = await this.attempt(w, (signal) =>
      this.transport.part(w.u, w.uploadId, n, w.file!.slice(from, from + this.partBytes(w, n)), (b) => this.progress(w, n, b), signal),
    );
    if (etag !== undefined) w.etags.set(n, etag);
    if (w.stop === stop) w.flying.delete(n);
    this.count(w);
    this.changed();
  }

  private async end(w: Work): Promise<void> {
    const parts = [...w.etags].map(([number, etag]) => ({ number, etag })).sort((a, b) => a.number - b.number);
    const ok = await this.attempt(w, async () => {
      await this.transport.complete(w.u, w.uploadId, parts, w.overwrite);
      return true;
    });
    w.ending = false;
    if (!ok) return;
    await this.memory.remove(w.uploadId);
    this.finished(w);
  }

  private finished(w: Work): void {
    w.u.state = 'done';
    w.u.sent = w.u.size;
    w.file = null;
    // The finished ones stand before most of the waiting: the oldest is found at once.
    if (++this.listed > kept) {
      const oldest = this.works.find((x) => x.u.state === 'done')!;
      this.works.splice(this.works.indexOf(oldest), 1);
      this.listed--;
      this.done++;
      this.doneBytes += oldest.u.size;
    }
    this.changed();
  }
}
