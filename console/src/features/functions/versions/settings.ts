// What of a function's settings a version holds, and how two of them differ.
import type { Fn } from '../api';

const versioned = ['runtime', 'handler', 'memorySize', 'cpu', 'diskSize', 'timeout', 'instanceConcurrency', 'role', 'description', 'environmentVariables'] as const;

export interface Difference {
  name: string;
  before: string;
  after: string;
}

const shown = (v: unknown): string => (v === undefined || v === null ? '' : typeof v === 'string' ? v : typeof v === 'object' ? JSON.stringify(v) : String(v as number | boolean));

/** differences lists the settings in which two configurations differ; each variable by itself. */
export function differences(a: Fn, b: Fn): Difference[] {
  const out: Difference[] = [];
  for (const name of versioned) {
    if (name === 'environmentVariables') continue;
    const before = shown(a[name]);
    const after = shown(b[name]);
    if (before !== after) out.push({ name, before, after });
  }
  const ea = a.environmentVariables ?? {};
  const eb = b.environmentVariables ?? {};
  for (const k of [...new Set([...Object.keys(ea), ...Object.keys(eb)])].sort()) {
    if (ea[k] !== eb[k]) out.push({ name: '$' + k, before: ea[k] ?? '', after: eb[k] ?? '' });
  }
  return out;
}

/** settingsOf is what restores a configuration. */
export const settingsOf = (f: Fn): Record<string, unknown> => Object.fromEntries(versioned.map((name) => [name, name === 'environmentVariables' ? (f[name] ?? {}) : f[name]]));
