import { describe, expect, it } from 'vitest';
import { parseSearch, stringifySearch } from './search';

describe('searches', () => {
  it.each(['12', '0', '-1', '1e3', 'true', 'null', '"quoted"', '[1]', 'a b+c&d=e/é%', ' '])('keep %j as it is', (v) => {
    expect(parseSearch(stringifySearch({ v }))).toEqual({ v });
  });
  it('write ids plainly', () => expect(stringifySearch({ event: '12', none: undefined, request: '1-6956d2a5-12345678-123456789abc' })).toBe('?event=12&request=1-6956d2a5-12345678-123456789abc'));
  it('of nothing are nothing', () => {
    expect(stringifySearch({ a: undefined })).toBe('');
    expect([parseSearch(''), parseSearch('?')]).toEqual([{}, {}]);
  });
});
