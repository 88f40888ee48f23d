import type { Refusal } from '../../shared/api';

export interface Fields {
  name: string;
  runtime: string;
  handler: string;
  role: string;
  memory: number;
  cpu: number;
  timeout: number;
  description?: string;
}

const patterns: [RegExp, keyof Fields | 'code'][] = [
  [/^functionName/, 'name'],
  [/^runtime/, 'runtime'],
  [/^memorySize|^cpu .* and memorySize/, 'memory'],
  [/^cpu/, 'cpu'],
  [/^timeout/, 'timeout'],
  [/^description/, 'description'],
  [/^handler|file for handler/, 'handler'],
  [/^code|does not parse|zip|package|payload size/i, 'code'],
  [/\brole\b/i, 'role'],
];

/** fieldOf finds the field that the server's refusal is about. */
export function fieldOf(r: Pick<Refusal, 'code' | 'message'>): keyof Fields | 'code' | undefined {
  if (/AlreadyExists/.test(r.code)) return 'name';
  if (r.code === 'EntityTooLarge') return 'code';
  if (/AccessDenied|NotSignedIn|Unreachable/.test(r.code)) return undefined;
  return patterns.find(([p]) => p.test(r.message))?.[1];
}

/** cpuFor is the processor time that goes with memory, as the server has it: 2 vCPUs for 3 GB, in steps of 0.05. */
export function cpuFor(mb: number): number {
  return Math.min(16, Math.max(0.05, (Math.ceil(mb / 1536 / 0.05 - 1e-9) * 5) / 100));
}
