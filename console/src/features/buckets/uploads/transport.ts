// The queue's calls, as a browser makes them. XMLHttpRequest, since fetch cannot tell how
// much of a body has been sent.
import { objectPath, parseRefusal, query, Refusal, send } from '../../../shared/api';
import { ready } from '../../../shared/told';
import { Exists, Permanent, type Memory, type Remembered, type Transport } from './engine';

function verdict(r: Refusal): Error {
  if (r.code === 'FileAlreadyExists') return new Exists(r.told);
  const mends = r.status === 0 || r.status >= 500 || r.status === 429 || r.status === 408 || r.code === 'NotSignedIn';
  return mends ? r : new Permanent(r.told);
}

function call(method: string, path: string, body: Blob | FormData, progress: (sent: number) => void, signal: AbortSignal, headers: Record<string, string> = {}): Promise<XMLHttpRequest> {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    const stop = () => x.abort();
    signal.addEventListener('abort', stop);
    x.open(method, path);
    for (const [k, v] of Object.entries(headers)) x.setRequestHeader(k, v);
    x.upload.onprogress = (e) => progress(e.loaded);
    x.onloadend = () => {
      signal.removeEventListener('abort', stop);
      if (x.status >= 200 && x.status < 300) resolve(x);
      else if (x.status === 0) reject(new Refusal(0, 'Unreachable', 'The server does not answer.'));
      else void ready().then(() => reject(verdict(parseRefusal(x.status, x.responseText, x.getResponseHeader('X-Oss-Request-Id') ?? '', x.getResponseHeader('X-Alcedo-Said')))));
    };
    x.send(body);
  });
}

async function ask(path: string, init: RequestInit): Promise<string> {
  try {
    return await (await send(path, init)).text();
  } catch (err) {
    throw err instanceof Refusal ? verdict(err) : err;
  }
}

const text = (xml: string, tag: string) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1] ?? '';
const clean = (etag: string) => etag.replace(/&quot;|"/g, '');

export const transport: Transport = {
  async post(u, file, overwrite, progress, signal) {
    const form = new FormData();
    form.set('key', u.key);
    if (u.type) form.set('x-oss-content-type', u.type);
    if (!overwrite) form.set('x-oss-forbid-overwrite', 'true');
    form.set('success_action_status', '200');
    form.set('file', file); // OSS takes what stands before the file
    await call('POST', `/oss/${u.bucket}/`, form, (n) => progress(Math.min(n, u.size)), signal);
  },
  async initiate(u, overwrite) {
    const headers: Record<string, string> = u.type ? { 'Content-Type': u.type } : {};
    if (!overwrite) headers['x-oss-forbid-overwrite'] = 'true';
    return text(await ask(objectPath(u.bucket, u.key) + '?uploads', { method: 'POST', headers }), 'UploadId');
  },
  async part(u, uploadId, number, data, progress, signal) {
    const x = await call('PUT', objectPath(u.bucket, u.key) + query({ partNumber: number, uploadId }), data, progress, signal);
    return clean(x.getResponseHeader('ETag') ?? '');
  },
  async listParts(u, uploadId) {
    const out: { number: number; etag: string; size: number }[] = [];
    for (let marker = ''; ; ) {
      let xml: string;
      try {
        xml = await ask(objectPath(u.bucket, u.key) + query({ uploadId, 'part-number-marker': marker, 'max-parts': 1000 }), {});
      } catch (err) {
        if (err instanceof Permanent) return null;
        throw err;
      }
      for (const [, part = ''] of xml.matchAll(/<Part>([\s\S]*?)<\/Part>/g)) {
        out.push({ number: Number(text(part, 'PartNumber')), etag: clean(text(part, 'ETag')), size: Number(text(part, 'Size')) });
      }
      if (text(xml, 'IsTruncated') !== 'true') return out;
      marker = text(xml, 'NextPartNumberMarker');
    }
  },
  async complete(u, uploadId, parts, overwrite) {
    const body = `<CompleteMultipartUpload>${parts.map((p) => `<Part><PartNumber>${p.number}</PartNumber><ETag>"${p.etag}"</ETag></Part>`).join('')}</CompleteMultipartUpload>`;
    const headers: Record<string, string> = { 'Content-Type': 'application/xml' };
    if (!overwrite) headers['x-oss-forbid-overwrite'] = 'true';
    await ask(objectPath(u.bucket, u.key) + query({ uploadId }), { method: 'POST', body, headers });
  },
  async abort(u, uploadId) {
    await ask(objectPath(u.bucket, u.key) + query({ uploadId }), { method: 'DELETE' });
  },
};

const store = 'uploads';

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const r = indexedDB.open('alcedo-uploads', 1);
    r.onupgradeneeded = () => r.result.createObjectStore(store, { keyPath: 'uploadId' });
    r.onsuccess = () => resolve(r.result);
    r.onerror = () => reject(r.error ?? new Error('IndexedDB cannot be opened'));
  });
}

async function within<T>(mode: IDBTransactionMode, f: (s: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const r = f(db.transaction(store, mode).objectStore(store));
      r.onsuccess = () => resolve(r.result);
      r.onerror = () => reject(r.error ?? new Error('IndexedDB failed'));
    });
  } finally {
    db.close();
  }
}

/** memory keeps what a reload must not lose; without IndexedDB uploads work, but do not outlive one. */
export const memory: Memory = {
  all: () => within('readonly', (s) => s.getAll() as IDBRequest<Remembered[]>).catch(() => []),
  put: (r) => within('readwrite', (s) => s.put(r)).then(() => undefined, () => undefined),
  remove: (id) => within('readwrite', (s) => s.delete(id)).then(() => undefined, () => undefined),
};
