import { expect, it } from 'vitest';
import { build, nowhere, parse, unfinished } from './destination';

it.each([
  ['', 'none'], ['acs:fc:r:1:functions/f', 'function'], ['acs:fc:r:1:functions/f/prod', 'function'], ['acs:oss:r:1:b/', 'object'], ['acs:oss:r:1:b/results/x', 'object'],
  ['https://example.com/x?y=1', 'http'], ['acs:mns:r:1:/queues/q', 'other'],
])('%s is read and written again', (arn, kind) => {
  expect(parse(arn).kind).toBe(kind);
  expect(build(parse(arn), 'r', '1')).toBe(arn);
});

it('is unfinished while it names nothing', () => {
  for (const kind of ['function', 'object', 'http'] as const) expect(unfinished(build({ ...nowhere, kind, qualifier: 'prod', prefix: 'x/' }, 'r', '1'))).toBe(kind);
  for (const whole of ['', 'acs:fc:r:1:functions/f', 'acs:oss:r:1:b/', 'https://x', 'other']) expect(unfinished(whole)).toBe('');
  expect(build(nowhere, 'r', '1')).toBe('');
  expect(build({ ...nowhere, kind: 'function', function: 'f', qualifier: 'LATEST' }, 'r', '1')).toBe('acs:fc:r:1:functions/f');
});
