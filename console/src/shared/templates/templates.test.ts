import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Runtime } from '../../api/gen';
import { codeOf, templates } from './templates';

const runtime = (language: string, version: string): Runtime => ({ name: language, language, available: true, version, exact: true });
const listing = (name: string) => readFileSync(new URL(`../../../../e2e/seed/${name}`, import.meta.url), 'utf8');

describe('templates', () => {
  it('hold the documentation’s listings as printed', async () => {
    expect(await codeOf('resize', runtime('nodejs', '20.1.0'))).toEqual({ 'index.js': listing('index.js') });
    expect(await codeOf('resize', runtime('python', '3.12.1'))).toEqual({ 'index.py': listing('index.py') });
    expect(await codeOf('resize', runtime('php', '7.2.34'))).toEqual({ 'index.php': listing('index.php') });
  });
  it('exist for every language', async () => {
    for (const t of templates) for (const l of ['nodejs', 'python', 'php']) expect(Object.values(await codeOf(t, runtime(l, '8')))[0]).toContain('handler');
  });
});
