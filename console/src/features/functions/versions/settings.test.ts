import { expect, it } from 'vitest';
import type { Fn } from '../api';
import { differences, settingsOf } from './settings';

const fn = (more: Partial<Fn>): Fn => ({
  functionName: 'f', functionId: '', functionArn: '', runtime: 'nodejs20', handler: 'index.handler', description: '', memorySize: 512, cpu: 0.5, diskSize: 512, timeout: 3,
  instanceConcurrency: 1, role: '', codeChecksum: '', codeSize: 1, createdTime: '', lastModifiedTime: '', state: '', ...more,
});

it('tells settings and variables apart', () => {
  expect(differences(fn({}), fn({ codeChecksum: 'x', lastModifiedTime: 'now' }))).toEqual([]);
  expect(differences(fn({ environmentVariables: { A: '1', B: '2' } }), fn({ timeout: 60, environmentVariables: { B: '3', C: '4' } }))).toEqual([
    { name: 'timeout', before: '3', after: '60' },
    { name: '$A', before: '1', after: '' },
    { name: '$B', before: '2', after: '3' },
    { name: '$C', before: '', after: '4' },
  ]);
});

it('restores also that there were no variables', () => {
  expect(settingsOf(fn({}))).toMatchObject({ environmentVariables: {}, memorySize: 512 });
});
