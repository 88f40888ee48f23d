import { describe, expect, it } from 'vitest';
import { Exists, Permanent, Uploads, inOne, partSizeFor, workers, type Memory, type Remembered, type Transport, type Upload } from './engine';

const MiB = 1 << 20;

// A server in memory: it keeps parts and objects as OSS does.
class Server implements Transport {
  objects = new Map<string, number>();
  uploads = new Map<string, Map<number, { etag: string; size: number }>>();
  calls: string[] = [];
  flying = 0;
  most = 0;
  gate: Promise<void> = Promise.resolve();
  fail: ((call: string) => Error | undefined) | undefined;
  private n = 0;

  private async step(call: string, signal?: AbortSignal) {
    this.calls.push(call);
    this.most = Math.max(this.most, ++this.flying);
    try {
      await this.gate;
      await Promise.resolve();
      if (signal?.aborted) throw new Error('aborted');
      const err = this.fail?.(call);
      if (err) throw err;
    } finally {
      this.flying--;
    }
  }
  async post(u: Upload, file: Blob, overwrite: boolean, progress: (n: number) => void, signal: AbortSignal) {
    await this.step(`post ${u.key}`, signal);
    if (!overwrite && this.objects.has(u.key)) throw new Exists('exists');
    progress(file.size);
    this.objects.set(u.key, file.size);
  }
  async initiate(u: Upload) {
    await this.step(`initiate ${u.key}`);
    const id = `up${++this.n}`;
    this.uploads.set(id, new Map());
    return id;
  }
  async part(u: Upload, id: string, n: number, data: Blob, progress: (n: number) => void, signal: AbortSignal) {
    await this.step(`part ${u.key} ${n}`, signal);
    progress(data.size);
    this.uploads.get(id)!.set(n, { etag: `e${n}`, size: data.size });
    return `e${n}`;
  }
  async listParts(_u: Upload, id: string) {
    await this.step(`list ${id}`);
    const parts = this.uploads.get(id);
    return parts ? [...parts].map(([number, p]) => ({ number, ...p })) : null;
  }
  async complete(u: Upload, id: string, parts: { number: number; etag: string }[]) {
    await this.step(`complete ${u.key} ${parts.length}`);
    const there = this.uploads.get(id)!;
    this.objects.set(u.key, parts.reduce((n, p) => n + there.get(p.number)!.size, 0));
    this.uploads.delete(id);
  }
  async abort(u: Upload, id: string) {
    await this.step(`abort ${u.key}`);
    this.uploads.delete(id);
  }
}

class Shelf implements Memory {
  rows = new Map<string, Remembered>();
  all = async () => [...this.rows.values()];
  put = async (r: Remembered) => void this.rows.set(r.uploadId, r);
  remove = async (id: string) => void this.rows.delete(id);
}

const file = (key: string, size: number) => ({ key, file: new Blob([new Uint8Array(size)]), lastModified: 7, type: 'x/y' });

function world() {
  const server = new Server();
  const memory = new Shelf();
  const make = () => new Uploads(server, memory, Date.now, async () => undefined);
  return { server, memory, queue: make(), make };
}

async function until(queue: Uploads, done: () => boolean) {
  for (;;) {
    if (done()) return;
    await new Promise<void>((resolve) => {
      const off = queue.subscribe(() => (off(), resolve()));
    });
  }
}
const all = (q: Uploads, state: string) => () => q.snapshot().uploads.length > 0 && q.snapshot().uploads.every((u) => u.state === state);

describe('uploads', () => {
  it('sends many small files with three workers', async () => {
    const { server, queue } = world();
    queue.add('b', Array.from({ length: 250 }, (_, i) => file(`k${i}`, 10)));
    await until(queue, () => queue.snapshot().finished === 250);
    expect(server.objects.size).toBe(250);
    expect(server.most).toBe(workers);
    const s = queue.snapshot();
    expect(s.uploads.length).toBe(100); // the rest is a number
    expect(s.sent).toBe(2500);
    expect(s.total).toBe(2500);
  });

  it('sends a large file in parts and forgets it when it is whole', async () => {
    const { server, memory, queue } = world();
    const size = 2 * inOne + 5;
    queue.add('b', [file('big', size)]);
    await until(queue, all(queue, 'done'));
    expect(server.objects.get('big')).toBe(size);
    expect(server.calls.filter((c) => c.startsWith('part')).length).toBe(3);
    expect(memory.rows.size).toBe(0);
  });

  it('pauses and goes on with what is missing', async () => {
    const { server, queue } = world();
    let open = () => {};
    queue.add('b', [file('big', 4 * inOne)]);
    await until(queue, () => server.calls.some((c) => c.startsWith('part')));
    server.gate = new Promise((resolve) => (open = resolve));
    await until(queue, () => queue.snapshot().uploads[0]!.sent > 0);
    queue.pause();
    open();
    server.gate = Promise.resolve();
    await until(queue, all(queue, 'paused'));
    expect(queue.snapshot().active).toBe(false);
    queue.resume();
    await until(queue, all(queue, 'done'));
    expect(server.objects.get('big')).toBe(4 * inOne);
  });

  it('goes on after a reload when the same file is chosen again', async () => {
    const { server, memory, queue, make } = world();
    server.fail = (call) => (/part big [34]/.test(call) ? new Permanent('gone') : undefined);
    queue.add('b', [file('big', 4 * inOne)]);
    await until(queue, all(queue, 'failed'));
    expect(memory.rows.size).toBe(1);
    server.fail = undefined;

    const next = make();
    await next.restore();
    await until(next, all(next, 'detached'));
    server.calls = [];
    next.add('b', [{ ...file('big', 4 * inOne), lastModified: 8 }]); // another file of that name
    expect(next.snapshot().uploads.some((u) => u.state === 'detached')).toBe(true);
    await until(next, () => next.snapshot().finished === 1);
    server.calls = [];
    next.add('b', [file('big', 4 * inOne)]);
    await until(next, () => next.snapshot().finished === 2);
    expect(server.calls[0]).toBe('list up1');
    expect(server.calls.filter((c) => c.startsWith('part')).length).toBeLessThan(4);
    expect(server.objects.get('big')).toBe(4 * inOne);
    expect(memory.rows.size).toBe(0);
  });

  it('begins again when the server has forgotten the upload', async () => {
    const { server, memory, queue } = world();
    await memory.put({ bucket: 'b', key: 'big', size: 2 * inOne, lastModified: 7, type: '', uploadId: 'old', partSize: 8 * MiB, overwrite: true });
    await queue.restore();
    queue.add('b', [file('big', 2 * inOne)]);
    await until(queue, all(queue, 'done'));
    expect(server.calls.slice(0, 2)).toEqual(['list old', 'initiate big']);
    expect(memory.rows.size).toBe(0);
  });

  it('tries a failing part again, then says what is wrong, and can be resumed', async () => {
    const { server, queue } = world();
    let n = 0;
    server.fail = (call) => (call === 'post a' && ++n < 3 ? new Error('502') : undefined);
    queue.add('b', [file('a', 1)]);
    await until(queue, all(queue, 'done'));
    expect(n).toBe(3);

    server.fail = () => new Error('no space');
    queue.add('b', [file('c', 1)]);
    await until(queue, () => queue.snapshot().uploads.some((u) => u.state === 'failed'));
    expect(queue.snapshot().uploads.at(-1)!.error).toBe('no space');
    server.fail = undefined;
    queue.resume();
    await until(queue, all(queue, 'done'));
  });

  it('skips what exists when it is not to be overwritten', async () => {
    const { server, queue } = world();
    server.objects.set('a', 5);
    queue.add('b', [file('a', 1), file('d', 1)], false);
    await until(queue, () => !queue.snapshot().active);
    expect(queue.snapshot().uploads.map((u) => u.state)).toEqual(['skipped', 'done']);
    expect(server.objects.get('a')).toBe(5);
  });

  it('aborts on the server what is taken off the list', async () => {
    const { server, memory, queue } = world();
    server.fail = (call) => (call.startsWith('part') ? new Permanent('x') : undefined);
    queue.add('b', [file('big', 2 * inOne)]);
    await until(queue, all(queue, 'failed'));
    queue.remove(queue.snapshot().uploads[0]!.id);
    await until(queue, () => queue.snapshot().uploads.length === 0);
    expect(server.uploads.size).toBe(0);
    expect(memory.rows.size).toBe(0);
  });

  it('keeps within 10,000 parts', () => {
    expect(partSizeFor(1)).toBe(8 * MiB);
    const huge = 48.8 * 1024 ** 4;
    expect(Math.ceil(huge / partSizeFor(huge))).toBeLessThanOrEqual(10_000);
  });
});
