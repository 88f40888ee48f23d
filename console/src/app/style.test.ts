import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

// A page's styles stay when the reader has left it: what they say of a class that other
// pages have changes those. So every selector of a feature's sheet names a class of its own.
it('keeps the styles of a feature within it', () => {
  const src = fileURLToPath(new URL('..', import.meta.url));
  const sheets = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.css'));
  const selectors = new Map(
    sheets.map((f) => {
      const css = readFileSync(src + f, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '').replace(/@(?:media|container|supports)[^{]*\{/g, '').replace(/@keyframes[^{]*\{(?:[^{}]*\{[^}]*\})*[^}]*\}/g, '');
      return [f, [...css.matchAll(/([^{}]+)\{[^}]*\}/g)].flatMap((m) => m[1]!.split(/,(?![^()]*\))/)).map((s) => s.trim()).filter((s) => s !== '')];
    }),
  );
  const classes = (s: string) => [...s.matchAll(/\.([A-Za-z][\w-]*)/g)].map((m) => m[1]!).filter((c) => !/^(ant|cm)-/.test(c));
  const homes = new Map<string, Set<string>>();
  for (const [f, all] of selectors) for (const s of all) for (const c of classes(s)) homes.set(c, (homes.get(c) ?? new Set()).add(f));
  const shared = /^(app|shared)\//;
  const lost = [...selectors].flatMap(([f, all]) => (shared.test(f) ? [] : all.filter((s) => !classes(s).some((c) => homes.get(c)!.size === 1)).map((s) => `${f}: ${s}`)));
  expect(lost).toEqual([]);
});
