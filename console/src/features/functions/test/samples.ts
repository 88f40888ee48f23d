// Events that a function's triggers could send: of their bucket, and of an object in it.
import { queryOptions } from '@tanstack/react-query';
import type { Payload, TestEvent, Trigger } from '../../../api/gen';
import { api, Refusal, send } from '../../../shared/api';
import { oss } from '../../../shared/oss';
import { objectPath } from '../../../shared/api';
import { keys, path } from '../api';
import { pretty } from './session';

export const eventTypes = [
  'ObjectCreated:PutObject', 'ObjectCreated:PostObject', 'ObjectCreated:CompleteMultipartUpload', 'ObjectCreated:CopyObject', 'ObjectCreated:AppendObject', 'ObjectCreated:PutSymlink',
  'ObjectCreated:InitiateMultipartUpload', 'ObjectCreated:UploadPart', 'ObjectCreated:UploadPartCopy',
  'ObjectRemoved:DeleteObject', 'ObjectRemoved:DeleteObjects', 'ObjectRemoved:AbortMultipartUpload', 'ObjectModified:UpdateObjectMeta',
];

export const testEventsOf = (name: string) =>
  queryOptions({ queryKey: keys.testEvents(name), queryFn: ({ signal }) => api.get<TestEvent[]>(path(name) + '/test-events', {}, signal) });

export const saveTestEvent = (name: string, event: string, content: string, fresh: boolean) =>
  api.put<TestEvent>(path(name) + '/test-events/' + encodeURIComponent(event) + (fresh ? '?new=1' : ''), { content });

export const dropTestEvent = (name: string, event: string) => api.del<void>(path(name) + '/test-events/' + encodeURIComponent(event));

/** eventOf is a real event as a trigger sends it to the function. */
export const eventOf = (name: string, id: string, signal?: AbortSignal) => api.get<Payload>(`/events/${encodeURIComponent(id)}/native`, { function: name }, signal);

export interface Subject {
  bucket: string;
  prefix: string;
  suffix: string;
  events: string[];
  /** cloud: the trigger is a rule on the event bus */
  cloud: boolean;
}

/** subjectOf reads what a trigger listens to. */
export function subjectOf(t: Pick<Trigger, 'triggerType' | 'triggerConfig' | 'sourceArn'>): Subject | null {
  let c: { events?: string[]; filter?: { key?: { prefix?: string; suffix?: string } }; eventRuleFilterPattern?: string };
  try {
    c = JSON.parse(t.triggerConfig) as typeof c;
  } catch {
    return null;
  }
  if (t.triggerType === 'oss') {
    return { bucket: t.sourceArn.split(':').pop() ?? '', prefix: c.filter?.key?.prefix ?? '', suffix: c.filter?.key?.suffix ?? '', events: (c.events ?? []).map(plainType), cloud: false };
  }
  if (t.triggerType !== 'eventbridge') return null;
  // The first plain names in the pattern's usual places; the reader can change them.
  const found = { bucket: '', prefix: '', suffix: '', events: [] as string[], cloud: true };
  try {
    const p = JSON.parse(c.eventRuleFilterPattern ?? '{}') as Record<string, unknown>;
    const first = (v: unknown): string => (Array.isArray(v) && typeof v[0] === 'string' ? v[0] : '');
    found.events = (Array.isArray(p.type) ? p.type : []).filter((x): x is string => typeof x === 'string').map(plainType);
    found.bucket = first((p.data as { oss?: { bucket?: { name?: unknown } } } | undefined)?.oss?.bucket?.name);
    const key = (p.data as { oss?: { object?: { key?: unknown } } } | undefined)?.oss?.object?.key;
    for (const k of Array.isArray(key) ? (key as unknown[]) : []) {
      if (typeof k === 'object' && k !== null) {
        found.prefix ||= String((k as { prefix?: string }).prefix ?? '');
        found.suffix ||= String((k as { suffix?: string }).suffix ?? '');
      }
    }
  } catch {
    // the pattern of another tool: nothing is filled in
  }
  return found;
}

/** plainType drops "oss:", and takes the first of what a wildcard stands for. */
export function plainType(event: string): string {
  const e = event.replace(/^oss:/, '');
  return e.endsWith('*') ? (eventTypes.find((t) => t.startsWith(e.slice(0, -1))) ?? e) : e;
}

/** exampleKey is a key that a trigger's filter lets through. */
export function exampleKey(prefix: string, suffix: string): string {
  const head = prefix === '' ? 'source/a' : prefix.endsWith('/') ? prefix + 'a' : prefix + '/a';
  return head + (suffix === '' ? '.png' : suffix.startsWith('.') || suffix.includes('/') ? suffix : '.' + suffix);
}

/** someKey finds an object that is there; empty if none is, or the reader may not look. */
export async function someKey(s: Pick<Subject, 'bucket' | 'prefix' | 'suffix'>, signal?: AbortSignal): Promise<string> {
  if (!s.bucket) return '';
  try {
    const l = await oss.list(s.bucket, { prefix: s.prefix, limit: 200 }, signal);
    return l.objects.find((o) => o.key.endsWith(s.suffix) && !o.key.endsWith('/'))?.key ?? '';
  } catch (err) {
    if (err instanceof Refusal) return '';
    throw err;
  }
}

/** Begin is what testing a function begins with. */
export interface Begin {
  /** type: as the list of templates has it */
  type: string;
  bucket: string;
  key: string;
  /** there: such an object is, as far as the reader may see */
  there: boolean;
  content: string;
}

/** beginOf is an event of one of the function's triggers: of one whose filter lets an object through that is there, if any does; null if none tells of objects. */
export const beginOf = (name: string) =>
  queryOptions({
    queryKey: [...keys.one(name), 'begin'],
    retry: false,
    staleTime: 30_000,
    refetchOnWindowFocus: false, // each is a little different, and it may be read
    queryFn: async ({ signal }): Promise<Begin | null> => {
      const subjects = (await api.get<Trigger[]>('/triggers', { function: name }, signal)).map(subjectOf).filter((s) => s !== null);
      let chosen = subjects[0];
      let key = '';
      for (const s of subjects.slice(0, 12)) {
        key = await someKey(s, signal);
        if (!key) continue;
        chosen = s;
        break;
      }
      if (!chosen) return null;
      const at = { type: (chosen.cloud ? 'cloud:' : '') + (chosen.events[0] ?? eventTypes[0]!), bucket: chosen.bucket || 'testbucket', key: key || exampleKey(chosen.prefix, chosen.suffix) };
      const s = await sample(name, at.type.replace(/^cloud:/, ''), at.bucket, at.key);
      return { ...at, there: s.found, content: pretty(chosen.cloud ? s.cloud : s.native) };
    },
  });

/** sample has the server write an event for an object, with the object's own metadata if it is there. */
export async function sample(name: string, type: string, bucket: string, key: string): Promise<Payload & { found: boolean }> {
  const q = new URLSearchParams({ type, bucket, key, function: name });
  let found = false;
  try {
    const h = (await send(objectPath(bucket, key), { method: 'HEAD' })).headers;
    found = true;
    q.set('size', h.get('Content-Length') ?? '0');
    q.set('etag', h.get('ETag') ?? '');
    q.set('contentType', h.get('Content-Type') ?? '');
    for (const [k, v] of h) if (k.startsWith('x-oss-meta-')) q.append('meta', `${k}=${v}`);
  } catch (err) {
    if (!(err instanceof Refusal) || err.unreachable) throw err;
  }
  return { ...(await api.get<Payload>('/events/sample?' + q.toString())), found };
}
