// What is wrong with a policy, while it is typed: the server's own rules, with the place
// of each. The server judges again.
import { at, parse, type JSONNode } from './json';
import { known, listedServices, services } from './actions';

export type PolicyKind = 'permission' | 'trust';

/** Finding is one thing that is wrong ("error"), is likely not meant ("warning") or is worth knowing ("info"). */
export interface Finding {
  from: number;
  to: number;
  severity: 'error' | 'warning' | 'info';
  /** a key under policy.finding of the locale */
  code: string;
  params: Record<string, string | number>;
}

// Bytes of JSON, as the server counts: without white space around the parts.
export const limits: Record<PolicyKind, number> = { permission: 6144, trust: 4096 };
const maxStatements = 100;
const maxValues = 200;

export const statementFields = { permission: ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'], trust: ['Sid', 'Effect', 'Action', 'Principal', 'Condition'] };

export const operators: Record<string, 'text' | 'number' | 'date' | 'truth' | 'address'> = {};
for (const o of ['StringEquals', 'StringNotEquals', 'StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase', 'StringLike', 'StringNotLike']) operators[o] = 'text';
for (const o of ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals']) {
  operators['Numeric' + o] = 'number';
  operators['Date' + o] = 'date';
}
operators['Bool'] = 'truth';
operators['IpAddress'] = 'address';
operators['NotIpAddress'] = 'address';

export const conditionKeys = ['acs:SourceIp', 'acs:SecureTransport', 'acs:CurrentTime', 'oss:Prefix', 'oss:Delimiter'];
const compares: Record<string, string | undefined> = { date: 'acs:currenttime', truth: 'acs:securetransport', address: 'acs:sourceip' };

/** validate returns what is to be said of a policy's text, by place. */
export function validate(text: string, kind: PolicyKind): Finding[] {
  const out: Finding[] = [];
  const say = (node: { from: number; to: number }, severity: Finding['severity'], code: string, params: Finding['params'] = {}) =>
    out.push({ from: node.from, to: Math.max(node.to, Math.min(node.from + 1, text.length)), severity, code, params });
  if (text.trim() === '') return [{ from: 0, to: 0, severity: 'error', code: 'empty', params: {} }];
  const { node, problem } = parse(text);
  if (problem) return [{ from: problem.at, to: Math.min(problem.at + 1, text.length), severity: 'error', code: 'json.' + problem.code, params: { ...at(text, problem.at), found: problem.found } }];
  check(node!, kind, say);
  const size = new TextEncoder().encode(JSON.stringify(JSON.parse(text))).length;
  if (size > limits[kind]) out.unshift({ from: 0, to: 1, severity: 'error', code: 'tooLong', params: { size, most: limits[kind] } });
  return out.sort((a, b) => a.from - b.from);
}

type Say = (node: { from: number; to: number }, severity: Finding['severity'], code: string, params?: Finding['params']) => void;

function check(top: JSONNode, kind: PolicyKind, say: Say) {
  if (top.kind !== 'object') return say(top, 'error', 'notObject');
  twice(top, say);
  for (const f of top.fields) if (f.name !== 'Version' && f.name !== 'Statement') say(f.key, 'error', 'unknownField', { field: f.name, known: 'Version, Statement' });
  const version = field(top, 'Version');
  if (!version) say({ from: top.from, to: top.from + 1 }, 'error', 'noVersion');
  else if (version.kind !== 'string' || version.value !== '1') say(version, 'error', 'version');
  const list = field(top, 'Statement');
  if (!list) return say({ from: top.from, to: top.from + 1 }, 'error', 'noStatement');
  if (list.kind === 'object') return statement(list, kind, say);
  if (list.kind !== 'array' || list.items.length === 0 || list.items.length > maxStatements) return say(list, 'error', 'statements', { most: maxStatements });
  for (const s of list.items) statement(s, kind, say);
}

function statement(s: JSONNode, kind: PolicyKind, say: Say) {
  if (s.kind !== 'object') return say(s, 'error', 'statementObject');
  twice(s, say);
  const here = { from: s.from, to: s.from + 1 };
  for (const f of s.fields) {
    if (statementFields[kind].includes(f.name)) continue;
    if (f.name === 'Principal') say(f.key, 'error', 'principalHere');
    else if (kind === 'trust' && /^(Not)?Resource$/.test(f.name)) say(f.key, 'error', 'resourceHere');
    else say(f.key, 'error', 'unknownField', { field: f.name, known: statementFields[kind].join(', ') });
  }
  const effect = field(s, 'Effect');
  if (effect?.kind !== 'string' || (effect.value !== 'Allow' && effect.value !== 'Deny')) say(effect ?? here, 'error', 'effect');
  const action = field(s, 'Action');
  const notAction = field(s, 'NotAction');
  if (action && notAction) say(notAction, 'error', 'both', { one: 'Action', other: 'NotAction' });
  if (!action && !notAction) say(here, 'error', 'missing', { field: 'Action' });
  const actions = texts(action ?? notAction, say);
  for (const a of actions) actionPattern(a, kind, say);
  if (kind === 'trust') {
    const p = field(s, 'Principal');
    if (!p) say(here, 'error', 'missing', { field: 'Principal' });
    else principal(p, say);
  } else {
    const resource = field(s, 'Resource');
    const notResource = field(s, 'NotResource');
    if (resource && notResource) say(notResource, 'error', 'both', { one: 'Resource', other: 'NotResource' });
    if (!resource && !notResource) say(here, 'error', 'missing', { field: 'Resource' });
    const resources = texts(resource ?? notResource, say);
    for (const r of resources) {
      if (!resourceRight(r.value)) say(r, 'error', 'resource', { value: r.value });
    }
    if (effect?.kind === 'string' && effect.value === 'Allow' && action && resource && !field(s, 'Condition')) {
      const all = actions.find((a) => a.value === '*');
      if (all && resources.some((r) => r.value === '*')) say(all, 'warning', 'everything');
    }
  }
  const condition = field(s, 'Condition');
  if (condition) conditions(condition, say);
}

function actionPattern(a: Text, kind: PolicyKind, say: Say) {
  if (a.value === '*') return;
  if (!/^[A-Za-z0-9*?_-]+:[A-Za-z0-9*?:_-]+$/.test(a.value)) return say(a, 'error', 'action', { value: a.value });
  if (kind === 'trust') {
    if (!fits(a.value, 'sts:AssumeRole')) say(a, 'warning', 'trustAction', { value: a.value });
    return;
  }
  const service = a.value.slice(0, a.value.indexOf(':')).toLowerCase();
  if (/[*?]/.test(service)) return;
  if (!services.includes(service)) return say(a, 'info', 'service', { service, known: services.join(', ') });
  if (!known.some((k) => fits(a.value, k))) say(a, 'warning', 'actionUnknown', { value: a.value });
}

/** resourceRight says whether a text names a resource, or a pattern of some. */
export function resourceRight(text: string): boolean {
  const parts = text.split(':');
  return text === '*' || (parts.length >= 5 && parts[0] === 'acs' && !!parts[1] && parts.slice(4).join(':') !== '');
}

/** fits matches as policies do: * is any text, ? one character, case does not count. */
export function fits(pattern: string, text: string): boolean {
  const re = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*+/g, '.*').replace(/\?/g, '.');
  return new RegExp(`^${re}$`, 'is').test(text);
}

function principal(p: JSONNode, say: Say) {
  if (p.kind !== 'object') return say(p, 'error', 'principal');
  twice(p, say);
  if (p.fields.length === 0) say(p, 'error', 'principal');
  for (const f of p.fields) {
    if (f.name !== 'Service' && f.name !== 'RAM') {
      say(f.key, 'error', 'unknownField', { field: f.name, known: 'Service, RAM' });
      continue;
    }
    for (const v of texts(f.value, say)) {
      if (f.name === 'RAM') {
        if (!/^acs:ram::[^:*?]*:[^:*?]+$/.test(v.value)) say(v, 'error', 'ram', { value: v.value });
      } else if (!/^[^*? /:.]*\.[^*? /:]*$/.test(v.value)) say(v, 'error', 'trustService', { value: v.value });
      else if (!listedServices.includes(v.value.toLowerCase())) say(v, 'info', 'otherService', { value: v.value });
    }
  }
}

function conditions(c: JSONNode, say: Say) {
  if (c.kind !== 'object') return say(c, 'error', 'condition');
  twice(c, say);
  for (const op of c.fields) {
    const family = operators[op.name];
    if (!family) {
      say(op.key, 'error', 'operator', { value: op.name });
      continue;
    }
    if (op.value.kind !== 'object' || op.value.fields.length === 0) {
      say(op.value, 'error', 'operatorKeys', { operator: op.name });
      continue;
    }
    twice(op.value, say);
    for (const k of op.value.fields) {
      const key = conditionKeys.find((x) => x.toLowerCase() === k.name.toLowerCase());
      if (!key) {
        say(k.key, 'error', 'conditionKey', { value: k.name, known: conditionKeys.join(', ') });
        continue;
      }
      const only = compares[family];
      if (only && only !== key.toLowerCase()) say(k.key, 'error', 'compare', { operator: op.name, key });
      const values = k.value.kind === 'array' ? k.value.items : [k.value];
      if (values.length === 0 || values.length > maxValues) say(k.value, 'error', 'values', { most: maxValues });
      for (const v of values) {
        if (v.kind === 'object' || v.kind === 'array' || v.kind === 'null') say(v, 'error', 'value', { operator: op.name });
        else if (!comparable(family, String(v.value))) say(v, 'error', 'compareValue', { operator: op.name, value: String(v.value) });
      }
    }
  }
}

function comparable(family: string, text: string): boolean {
  switch (family) {
    case 'number':
      return text !== '' && Number.isFinite(Number(text));
    case 'date':
      return /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text) && !Number.isNaN(Date.parse(text));
    case 'truth':
      return /^(true|false|t|f|1|0)$/i.test(text);
    case 'address':
      return /^(\d{1,3}(\.\d{1,3}){3}(\/([0-9]|[12]\d|3[0-2]))?|[0-9a-f:.]*:[0-9a-f:.]*(\/\d{1,3})?)$/i.test(text) && text.split('/')[0]!.split('.').every((p) => p.includes(':') || Number(p) < 256);
  }
  return true;
}

type ObjectNode = Extract<JSONNode, { kind: 'object' }>;
type Text = Extract<JSONNode, { kind: 'string' }>;

const field = (o: ObjectNode, name: string): JSONNode | undefined => o.fields.find((f) => f.name === name)?.value;

function twice(o: ObjectNode, say: Say) {
  const seen = new Set<string>();
  for (const f of o.fields) {
    if (seen.has(f.name)) say(f.key, 'error', 'twice', { field: f.name });
    seen.add(f.name);
  }
}

/** texts are a string or a list of strings; what else there is, is said. */
function texts(n: JSONNode | undefined, say: Say): Text[] {
  if (!n) return [];
  if (n.kind === 'string') return [n];
  if (n.kind !== 'array' || n.items.length === 0 || n.items.length > maxValues) {
    say(n, 'error', 'list', { most: maxValues });
    return [];
  }
  const out: Text[] = [];
  for (const i of n.items) {
    if (i.kind === 'string') out.push(i);
    else say(i, 'error', 'list', { most: maxValues });
  }
  return out;
}
