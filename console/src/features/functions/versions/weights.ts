// Shares of an alias: its own version has what the others leave of 100 %.
import type { Alias } from '../api';

export interface Share {
  version: string;
  percent: number;
}

const round = (n: number) => Math.round(n * 100) / 100;

export const sharesOf = (a: Pick<Alias, 'additionalVersionWeight'>): Share[] => Object.entries(a.additionalVersionWeight ?? {}).map(([version, w]) => ({ version, percent: round(w * 100) }));

/** rest is what is left for the alias's own version. */
export const rest = (shares: readonly Share[]): number => round(100 - shares.reduce((n, s) => n + s.percent, 0));

export const weightsOf = (shares: readonly Share[]): Record<string, number> => Object.fromEntries(shares.filter((s) => s.version !== '').map((s) => [s.version, round(s.percent) / 100]));

/** withShare sets one share, as large as the others let it be. */
export function withShare(shares: readonly Share[], at: number, percent: number): Share[] {
  const others = shares.reduce((n, s, i) => (i === at ? n : n + s.percent), 0);
  return shares.map((s, i) => (i === at ? { ...s, percent: round(Math.max(0, Math.min(percent, 100 - others))) } : s));
}

/** shareRule names what is wrong with shares beside a main version; '' if nothing is. */
export function shareRule(main: string, shares: readonly Share[]): '' | 'sharesMissing' | 'sharesTwice' | 'sharesMain' {
  if (shares.some((s) => s.version === '')) return 'sharesMissing';
  if (shares.some((s) => s.version === main)) return 'sharesMain';
  return new Set(shares.map((s) => s.version)).size < shares.length ? 'sharesTwice' : '';
}
