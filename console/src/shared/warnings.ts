import type { FunctionWarnings, Warning } from '../api/gen';
import { api } from './api';
import { together } from './together';

/** askWarnings asks for a function's warnings; those of many that come into sight together are one request. None of a function that may not be seen. */
export const askWarnings = together<string, Warning[]>(
  50, // their names stand in the address
  async (names) => {
    const list = await api.get<FunctionWarnings[]>('/warnings', { functions: [...new Set(names)].join(',') });
    const of = new Map(list.map((f) => [f.function, f.warnings ?? []]));
    return names.map((n) => of.get(n) ?? []);
  },
  30,
);
