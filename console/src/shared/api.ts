// How the console talks to its server: the console's own API under /api, and the wire
// protocols under /fc and /oss, all as the key that signed in.
import { reached } from './reach';
import { parsed, ready, told, type Told } from './told';

/** Refusal is an answer that says no: code and message are the server's, and for programs; people read what is told. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId = '',
    readonly said?: Told,
  ) {
    super(message);
    this.name = 'Refusal';
  }
  /** told is the message in the reader's language, if it has a text there. */
  get told(): string {
    return told(this.said, this.message);
  }
  /** unreachable: nobody answered; the server may come back. */
  get unreachable(): boolean {
    return this.status === 0;
  }
}

/** messageOf is what an error says to its reader, whatever was thrown. */
export const messageOf = (err: unknown): string => (err instanceof Refusal ? err.told : err instanceof Error ? err.message : String(err));

const listeners = new Set<() => void>();

/** onSignedOut calls back when the server no longer knows the session. */
export function onSignedOut(f: () => void): () => void {
  listeners.add(f);
  return () => listeners.delete(f);
}

/** send sends a request; a status of 400 and up, or no answer, becomes a Refusal. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  let r: Response;
  try {
    r = await fetch(path, { credentials: 'same-origin', ...init });
  } catch (err) {
    if (init.signal?.aborted) throw err;
    reached(false);
    throw new Refusal(0, 'Unreachable', 'The server does not answer.');
  }
  // What stands before the server answers for it while it is away.
  if (r.status >= 502 && r.status <= 504 && !r.headers.has('X-Alcedo-Version')) {
    reached(false);
    throw new Refusal(0, 'Unreachable', 'The server does not answer.');
  }
  reached(true);
  if (r.ok || r.status === 304) return r;
  const text = await r.text();
  const refusal = parseRefusal(r.status, text, r.headers.get('X-Fc-Request-Id') ?? r.headers.get('X-Oss-Request-Id') ?? '', r.headers.get('X-Alcedo-Said'));
  if (refusal.said) await ready();
  if (refusal.code === 'NotSignedIn') for (const f of listeners) f();
  throw refusal;
}

/** parseRefusal reads an error's body, JSON as FC and the console send it or XML as OSS does; said is the header that comes with it. */
export function parseRefusal(status: number, text: string, requestId: string, said: string | null = null): Refusal {
  try {
    const j = JSON.parse(text) as { Code?: string; Message?: string; RequestId?: string; Said?: Told };
    if (j.Code) return new Refusal(status, j.Code, j.Message ?? j.Code, j.RequestId ?? requestId, j.Said ?? parsed(said));
  } catch {
    // not JSON
  }
  const tag = (name: string) => unescapeXML(new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? '');
  const code = tag('Code');
  if (code) return new Refusal(status, code, tag('Message') || code, tag('RequestId') || requestId, parsed(said));
  return new Refusal(status, String(status), text.slice(0, 300) || `HTTP ${status}`, requestId);
}

const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescapeXML(s: string): string {
  return s.replace(/&(#x?[0-9a-f]+|\w+);/gi, (all, e: string) => {
    if (e.startsWith('#')) return String.fromCodePoint(Number(e[1] === 'x' || e[1] === 'X' ? '0' + e.slice(1) : e.slice(1)));
    return entities[e] ?? all;
  });
}

type Query = Record<string, string | number | boolean | undefined | null>;

/** query makes "?a=b" of what is neither undefined, null nor empty. */
export function query(q?: Query): string {
  const p = new URLSearchParams();
  for (const [k, v] of Object.entries(q ?? {})) if (v !== undefined && v !== null && v !== '') p.set(k, String(v));
  const s = p.toString();
  return s && '?' + s;
}

async function json<T>(path: string, method: string, body: unknown, init: RequestInit = {}): Promise<T> {
  const r = await send(path, {
    ...init,
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...init.headers },
  });
  const text = await r.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** api calls the console's own API. */
export const api = {
  get: <T>(path: string, q?: Query, signal?: AbortSignal) => json<T>('/api' + path + query(q), 'GET', undefined, { signal }),
  post: <T>(path: string, body?: unknown, q?: Query) => json<T>('/api' + path + query(q), 'POST', body ?? {}),
  put: <T>(path: string, body: unknown, headers?: HeadersInit) => json<T>('/api' + path, 'PUT', body, { headers }),
  del: <T>(path: string, q?: Query) => json<T>('/api' + path + query(q), 'DELETE', undefined),
};

const version = '/fc/2023-03-30';

/** fc calls Function Compute's API, 2023-03-30. */
export const fc = {
  get: <T>(path: string, q?: Query, signal?: AbortSignal) => json<T>(version + path + query(q), 'GET', undefined, { signal }),
  post: <T>(path: string, body: unknown, q?: Query) => json<T>(version + path + query(q), 'POST', body),
  put: <T>(path: string, body: unknown, q?: Query, headers?: HeadersInit) => json<T>(version + path + query(q), 'PUT', body, { headers }),
  del: <T>(path: string, q?: Query) => json<T>(version + path + query(q), 'DELETE', undefined),
};

/**
 * objectPath is an object's path under /oss, every part of the key escaped. Browsers and servers
 * tidy up paths: of a key with "//", "." or ".." between slashes, the slashes are escaped too, or
 * another object would be read, or deleted.
 */
export function objectPath(bucket: string, key: string): string {
  if (/(^|\/)(\.{0,2})\/|\/\.{1,2}$/.test(key)) return '/oss/' + bucket + '/' + encodeURIComponent(key);
  return '/oss/' + bucket + '/' + key.split('/').map(encodeURIComponent).join('/');
}
