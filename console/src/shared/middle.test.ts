import { expect, it } from 'vitest';
import { ends, shortened, shown } from './middle';

it('keeps the end of a long text in sight', () => {
  expect(ends('invoices/in/2026-0024-december.pdf')).toEqual(['invoices/in/2026-002', '4-december.pdf']);
  expect(ends('in/short.pdf')).toEqual(['in/short.pdf', '']);
  expect(ends('a/' + '🐦'.repeat(30), 3)).toEqual(['a/' + '🐦'.repeat(27), '🐦🐦🐦']);
});

it('shortens from the middle, and only what is longer', () => {
  expect(shortened('abcdefghij', 3, 2)).toBe('abc…ij');
  expect(shortened('abcdef', 3, 2)).toBe('abcdef');
  expect(shortened('中文'.repeat(10), 2, 2)).toBe('中文…中文');
});

it('shows what a name has and a line cannot show', () => {
  expect(shown(' a\nb\tc\x7f  ')).toBe('␣a↵b⇥c�␣␣');
  expect(shown('汉 字 🐦.png')).toBe('汉 字 🐦.png');
});
