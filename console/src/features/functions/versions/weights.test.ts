import { expect, it } from 'vitest';
import { rest, shareRule, sharesOf, weightsOf, withShare } from './weights';

it('reads and writes shares', () => {
  const shares = sharesOf({ additionalVersionWeight: { '2': 0.07, '3': 0.29 } });
  expect(shares).toEqual([{ version: '2', percent: 7 }, { version: '3', percent: 29 }]);
  expect(rest(shares)).toBe(64);
  expect(weightsOf(shares)).toEqual({ '2': 0.07, '3': 0.29 });
  expect(weightsOf([{ version: '', percent: 5 }])).toEqual({});
});

it('keeps the sum at 100', () => {
  const shares = [{ version: '2', percent: 60 }, { version: '3', percent: 30 }];
  expect(withShare(shares, 1, 90)[1]!.percent).toBe(40);
  expect(rest(withShare(shares, 1, 90))).toBe(0);
  expect(withShare(shares, 0, -5)[0]!.percent).toBe(0);
});

it('tells what is wrong', () => {
  const s = (...versions: string[]) => versions.map((version) => ({ version, percent: 10 }));
  expect(shareRule('1', s('2', '3'))).toBe('');
  expect(shareRule('1', s('2', ''))).toBe('sharesMissing');
  expect(shareRule('1', s('1'))).toBe('sharesMain');
  expect(shareRule('1', s('2', '2'))).toBe('sharesTwice');
});
