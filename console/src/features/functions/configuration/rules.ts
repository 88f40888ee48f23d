// What FC takes as a function's settings, so that a mistake is told while it is typed. Each
// check returns the name of the rule that is broken; '' if none is.

export interface Limits {
  memorySize: number | null;
  cpu: number | null;
}

export const memoryRule = (mb: number | null): '' | 'memory' => (mb === null || mb < 128 || mb > 32768 || mb % 64 !== 0 ? 'memory' : '');

export function cpuRule(cpu: number | null): '' | 'cpu' {
  if (cpu === null || Number.isNaN(cpu)) return 'cpu';
  const steps = cpu / 0.05;
  return cpu < 0.05 - 1e-9 || cpu > 16 + 1e-9 || Math.abs(steps - Math.round(steps)) > 1e-6 ? 'cpu' : '';
}

/** ratioRule: vCPUs to GB of memory must be 1:1 to 1:4. */
export function ratioRule({ cpu, memorySize }: Limits): '' | 'ratio' {
  if (cpuRule(cpu) || memoryRule(memorySize)) return '';
  const gb = memorySize! / 1024;
  return cpu! <= gb + 1e-9 && cpu! >= gb / 4 - 1e-9 ? '' : 'ratio';
}

/** fitting are the vCPUs that a memory size allows, and the memory in MB that vCPUs allow. */
export const fittingCpu = (mb: number): [number, number] => [Math.max(0.05, Math.ceil((mb / 1024 / 4) * 20 - 1e-9) / 20), Math.min(16, Math.floor((mb / 1024) * 20 + 1e-9) / 20)];
export const fittingMemory = (cpu: number): [number, number] => [Math.max(128, Math.ceil((cpu * 1024) / 64 - 1e-9) * 64), Math.min(32768, Math.floor((cpu * 4096) / 64 + 1e-9) * 64)];

export function handlerRule(handler: string, runtime: string): '' | 'handler' | 'handlerLong' {
  if (runtime === 'custom' || runtime.startsWith('custom.')) return handler.length > 128 ? 'handlerLong' : '';
  const dot = handler.lastIndexOf('.');
  const ok =
    handler.length <= 128 && dot > 0 && dot < handler.length - 1 && !handler.startsWith('/') && !handler.includes('..') && !/[\\\0\n\r]/.test(handler) &&
    handler[dot - 1] !== '/' && !handler.slice(dot).includes('/');
  return ok ? '' : 'handler';
}

export interface Variable {
  id: number;
  name: string;
  value: string;
}

export const maxEnv = 4096;

const utf8 = new TextEncoder();

/** sizeOf is what variables take of maxEnv, in bytes. */
export const sizeOf = (all: readonly Variable[]): number => all.reduce((n, v) => n + utf8.encode(v.name).length + utf8.encode(v.value).length, 0);

export function nameRule(v: Variable, all: readonly Variable[]): '' | 'envName' | 'envReserved' | 'envTwice' | 'envEmpty' {
  if (v.name === '') return v.value === '' ? '' : 'envEmpty';
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(v.name)) return 'envName';
  if (v.name.toUpperCase().startsWith('FC_')) return 'envReserved';
  return all.some((o) => o.id !== v.id && o.name === v.name) ? 'envTwice' : '';
}

/** variablesIn reads a JSON object of texts, or lines NAME=value; null if it is neither. */
export function variablesIn(text: string): Record<string, string> | null {
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) {
    try {
      const v = JSON.parse(trimmed) as Record<string, unknown>;
      const out: Record<string, string> = {};
      for (const [k, x] of Object.entries(v)) {
        if (typeof x === 'object') return null;
        out[k] = String(x);
      }
      return out;
    } catch {
      return null;
    }
  }
  const out: Record<string, string> = {};
  // A value in quotes may have several lines.
  const line = /[^\S\n]*(?:#.*|(?:export\s+)?([^=\s]+)[^\S\n]*=[^\S\n]*(?:"([^"]*)"|'([^']*)'|(.*?))[^\S\n]*)?(?:\n|$)/y;
  const lines = trimmed.replace(/\r\n?/g, '\n');
  while (line.lastIndex < lines.length) {
    const m = line.exec(lines);
    if (!m) return null;
    if (m[1] !== undefined) out[m[1]] = m[2] ?? m[3] ?? m[4]!;
  }
  return Object.keys(out).length > 0 ? out : null;
}

/** settingOf names the field that a refusal of FC is about. */
export function settingOf(message: string): string | undefined {
  if (/\bdo not fit\b/.test(message)) return 'cpu';
  if (/^The role '|assume the role/.test(message)) return 'role';
  return /^(memorySize|cpu|diskSize|timeout|handler|description|instanceConcurrency|reservedConcurrency|environmentVariables|maxAsyncRetryAttempts|maxAsyncEventAgeInSeconds)\b/.exec(message)?.[1];
}
