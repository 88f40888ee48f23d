// Triggers as the panel edits them, as FC has them, and what a refusal is about.
import type { Trigger } from '../../../api/gen';
import type { Refusal } from '../../../shared/api';
import { build, partsOf } from './pattern';

/** The events that a native trigger may ask for. */
export const events = [
  'oss:ObjectCreated:PutObject', 'oss:ObjectCreated:PostObject', 'oss:ObjectCreated:CompleteMultipartUpload', 'oss:ObjectCreated:PutSymlink',
  'oss:ObjectCreated:*', 'oss:ObjectCreated:CopyObject', 'oss:ObjectCreated:AppendObject', 'oss:ObjectCreated:InitiateMultipartUpload',
  'oss:ObjectCreated:UploadPart', 'oss:ObjectCreated:UploadPartCopy',
  'oss:ObjectRemoved:DeleteObject', 'oss:ObjectRemoved:DeleteObjects', 'oss:ObjectRemoved:AbortMultipartUpload', 'oss:ObjectModified:UpdateObjectMeta',
  'oss:ObjectReplication:ObjectCreated', 'oss:ObjectReplication:ObjectModified', 'oss:ObjectReplication:ObjectRemoved',
] as const;

/** What only rules get. */
export const bucketEvents = ['oss:BucketCreated:PutBucket', 'oss:BucketRemoved:DeleteBucket'] as const;

/** Those that an upload causes, whichever way it takes. */
export const uploads: string[] = events.slice(0, 4);

export const defaultRole = 'AliyunOSSEventNotificationRole';

/** Draft is what the panel's fields hold. */
export interface Draft {
  type: 'oss' | 'eventbridge';
  name: string;
  qualifier: string;
  description: string;
  // of a native trigger
  bucket: string;
  prefix: string;
  suffix: string;
  events: string[];
  role: string; // its name
  // of a rule
  raw: boolean; // pattern is written by hand
  pattern: string;
  buckets: string[];
  prefixes: string[];
  suffixes: string[];
  ruleEvents: string[];
  enabled: boolean;
  async: boolean;
  retry: string;
  maxAge: number | null;
  maxAttempts: number | null;
  errors: string;
  deadLetter: string;
}

export const blank = (qualifier: string): Draft => ({
  type: 'oss', name: '', qualifier, description: '',
  bucket: '', prefix: '', suffix: '', events: uploads, role: defaultRole,
  raw: false, pattern: '', buckets: [], prefixes: [], suffixes: [], ruleEvents: uploads,
  enabled: true, async: false, retry: 'BACKOFF_RETRY', maxAge: null, maxAttempts: null, errors: 'ALL', deadLetter: '',
});

type Json = Record<string, unknown>;

// of reads a member whose name FC compares without case.
function of(v: unknown, ...path: string[]): unknown {
  for (const name of path) {
    if (v === null || typeof v !== 'object') return undefined;
    v = Object.entries(v).find(([k]) => k.toLowerCase() === name.toLowerCase())?.[1];
  }
  return v;
}

const text = (v: unknown): string => (typeof v === 'string' ? v : '');
const number = (v: unknown): number | null => (typeof v === 'number' && v !== 0 ? v : null);

function json(s: string): unknown {
  try {
    return JSON.parse(s);
  } catch {
    return null;
  }
}

export const roleName = (arn: string): string => {
  const name = arn.slice(arn.indexOf(':role/') + 6);
  return name.toLowerCase() === defaultRole.toLowerCase() ? defaultRole : name;
};

export const bucketOf = (t: Trigger): string => (t.triggerType === 'oss' ? (t.sourceArn.split(':')[4] ?? '') : '');

/** draftOf is a trigger as the panel shows it. arn begins every bucket's ARN. */
export function draftOf(t: Trigger, arn: string): Draft {
  const c = json(t.triggerConfig);
  const d: Draft = { ...blank(t.qualifier), type: t.triggerType === 'oss' ? 'oss' : 'eventbridge', name: t.triggerName, description: t.description };
  if (d.type === 'oss') {
    const e = of(c, 'events');
    return {
      ...d, bucket: bucketOf(t), prefix: text(of(c, 'filter', 'key', 'prefix')), suffix: text(of(c, 'filter', 'key', 'suffix')),
      events: Array.isArray(e) ? e.map(String) : [], role: t.invocationRole ? roleName(t.invocationRole) : '',
    };
  }
  const pattern = text(of(c, 'eventRuleFilterPattern'));
  const parts = partsOf(arn, pattern);
  return {
    ...d, raw: !parts, pattern: parts ? '' : pretty(pattern),
    buckets: parts?.buckets ?? [], prefixes: parts?.prefixes ?? [], suffixes: parts?.suffixes ?? [], ruleEvents: parts?.events ?? [],
    enabled: of(c, 'triggerEnable') !== false, async: of(c, 'asyncInvocationType') === true,
    retry: text(of(c, 'runOptions', 'retryStrategy', 'PushRetryStrategy')) || 'BACKOFF_RETRY',
    maxAge: number(of(c, 'runOptions', 'retryStrategy', 'MaximumEventAgeInSeconds')),
    maxAttempts: number(of(c, 'runOptions', 'retryStrategy', 'MaximumRetryAttempts')),
    errors: text(of(c, 'runOptions', 'errorsTolerance')) || 'ALL', deadLetter: text(of(c, 'runOptions', 'deadLetterQueue', 'Arn')),
  };
}

/** pretty indents JSON; what is none stays as it is. */
export function pretty(s: string): string {
  const v = json(s);
  return v === null ? s : JSON.stringify(v, null, 2);
}

/** patternOf is the text of a draft's pattern; throws Trouble if its parts make none. */
export function patternOf(d: Draft, arn: string): string {
  if (!d.raw) return JSON.stringify(build(arn, { buckets: d.buckets, prefixes: d.prefixes, suffixes: d.suffixes, events: d.ruleEvents }));
  const v = json(d.pattern);
  return v === null ? d.pattern : JSON.stringify(v);
}

/** configOf is triggerConfig of a draft. */
export function configOf(d: Draft, arn: string): string {
  if (d.type === 'oss') return JSON.stringify({ events: d.events, filter: { key: { prefix: d.prefix, suffix: d.suffix } } });
  const strategy: Json = {};
  if (d.retry) strategy.PushRetryStrategy = d.retry;
  if (d.maxAge) strategy.MaximumEventAgeInSeconds = d.maxAge;
  if (d.maxAttempts) strategy.MaximumRetryAttempts = d.maxAttempts;
  const options: Json = { mode: 'event-driven' };
  if (!d.async) {
    options.errorsTolerance = d.errors;
    options.retryStrategy = strategy;
    if (d.deadLetter) options.deadLetterQueue = { Arn: d.deadLetter };
  }
  return JSON.stringify({
    triggerEnable: d.enabled, asyncInvocationType: d.async, eventRuleFilterPattern: patternOf(d, arn),
    eventSourceConfig: { eventSourceType: 'Default' }, runOptions: options,
  });
}

/** keptConfig is configOf, or the text that is there if the draft means the same: tools compare it. */
export function keptConfig(d: Draft, t: Trigger, arn: string): string {
  const now = configOf(d, arn);
  try {
    return now === configOf(draftOf(t, arn), arn) ? t.triggerConfig : now;
  } catch {
    return now;
  }
}

/** switched is a rule's configuration with triggerEnable set. */
export function switched(config: string, on: boolean): string {
  const c = json(config);
  const rest = c && typeof c === 'object' ? Object.entries(c).filter(([k]) => k.toLowerCase() !== 'triggerenable') : [];
  return JSON.stringify({ triggerEnable: on, ...Object.fromEntries(rest) });
}

/** fieldOf names the field that a refusal is about; undefined: none in particular. */
export function fieldOf(r: Pick<Refusal, 'code' | 'message'>, d: Pick<Draft, 'type' | 'raw'>): keyof Draft | undefined {
  const m = r.message;
  if (r.code === 'TriggerAlreadyExists' || m.startsWith('triggerName')) return 'name';
  if (r.code === 'VersionNotFound' || r.code === 'AliasNotFound') return 'qualifier';
  if (m.startsWith('description')) return 'description';
  if (roleRefused(r)) return d.type === 'oss' ? 'role' : undefined;
  if (d.type === 'oss') {
    if (/overlapping|The prefix/.test(m)) return 'prefix';
    if (/The suffix/.test(m)) return 'suffix';
    if (r.code === 'NoSuchBucket' || /bucket/i.test(m)) return 'bucket';
    if (/OSS event|no events|It names /.test(m)) return 'events';
    if (/invocationRole/.test(m)) return 'role';
    return undefined;
  }
  if (/event pattern|eventRuleFilterPattern/.test(m)) return d.raw ? 'pattern' : 'buckets';
  if (/deadLetterQueue|destination/i.test(m)) return 'deadLetter';
  if (/MaximumEventAge/.test(m)) return 'maxAge';
  if (/MaximumRetryAttempts/.test(m)) return 'maxAttempts';
  if (/PushRetryStrategy/.test(m)) return 'retry';
  if (/errorsTolerance/.test(m)) return 'errors';
  return undefined;
}

/** roleRefused: the role is not there, or does not let OSS assume it. */
export function roleRefused(r: Pick<Refusal, 'code' | 'message'>): boolean {
  return /^The role '.*' does not exist/.test(r.message) || (r.code === 'AccessDenied' && /No permission to assume the role/.test(r.message));
}
