import { describe, expect, it } from 'vitest';
import { classOf, pieces, plain } from './ansi';
import { entriesOf, found, levelOf, linksIn, reaches, withError } from './entries';
import levelTable from './levels.json';
import { segments } from './segments';

const esc = '\u001b';

describe('colours', () => {
  it('split a text where its style changes', () => {
    expect(pieces(`a${esc}[31mred${esc}[1;44mbold${esc}[0m end`).pieces).toEqual([
      { text: 'a' }, { text: 'red', style: { fg: 1 } }, { text: 'bold', style: { fg: 1, bg: 4, bold: true } }, { text: ' end' },
    ]);
  });
  it('end one by one', () => {
    expect(pieces(`${esc}[1;2;3;4;92;103mx${esc}[22;23;24;39;49my`).pieces).toEqual([
      { text: 'x', style: { bold: true, dim: true, italic: true, underline: true, fg: 10, bg: 11 } }, { text: 'y' },
    ]);
  });
  it('of 256 and of 16 million become one of the sixteen', () => {
    expect(pieces(`${esc}[38;5;9ma${esc}[38;5;196mb${esc}[38;2;250;10;5mc${esc}[48;5;232md`).pieces.map((p) => p.style)).toEqual([{ fg: 9 }, { fg: 9 }, { fg: 9 }, { fg: 9, bg: 0 }]);
  });
  it('carry over to what follows', () => {
    const first = pieces(`${esc}[33mone`);
    expect(pieces('two', first.end).pieces).toEqual([{ text: 'two', style: { fg: 3 } }]);
  });
  it.each([
    [`${esc}[2K${esc}[1Gline`, 'line'], [`${esc}]0;title\u0007text`, 'text'], [`${esc}]8;;http://x${esc}\\link${esc}]8;;${esc}\\`, 'link'], [`${esc}[31`, '[31'],
    ['bell\u0007\u0000', 'bell'], ['tab\tstays', 'tab\tstays'], [`broken ${esc}[38;5m x`, 'broken  x'],
  ])('leave %j as %j', (raw, want) => {
    expect(plain(raw)).toBe(want);
    expect(pieces(raw).pieces.map((p) => p.text).join('')).toBe(want);
  });
  it('have classes', () => expect(classOf({ fg: 1, bg: 12, bold: true, underline: true })).toBe('fg-1 bg-12 ansi-bold ansi-underline'));
});

describe('levels', () => {
  it.each(Object.entries(levelTable))('of %j is %s', (line, level) => expect(levelOf(line) ?? '').toBe(level)); // the server reads the same table
  it('filter what is at least as grave', () => {
    const [e, w, none] = entriesOf('ERROR a\nWARN b\nplain\n');
    expect([reaches(e!, 'WARN'), reaches(w!, 'WARN'), reaches(w!, 'ERROR'), reaches(none!, 'DEBUG'), reaches(none!, undefined)]).toEqual([true, true, false, false, true]);
  });
});

describe('entries', () => {
  const texts = (log: string) => entriesOf(log).map((e) => e.text);
  it('keep a stack with its error', () => {
    const [start, e, end] = entriesOf('FC Invoke Start RequestId: 1-a\nError: no\n    at f (index.js:1:2)\n    at g (index.js:3:4)\nFC Invoke End RequestId: 1-a\n');
    expect([start!.frame, e!.lines, e!.level, end!.frame]).toEqual([true, 3, 'ERROR', true]);
  });
  it('keep a traceback with what was raised', () => {
    expect(texts('before\nTraceback (most recent call last):\n  File "index.py", line 1\n    f()\nValueError: no\nafter\n')).toEqual([
      'before', 'Traceback (most recent call last):\n  File "index.py", line 1\n    f()\nValueError: no', 'after',
    ]);
  });
  it('keep what is printed over several lines', () => {
    expect(texts('{\n  a: 1,\n  b: [\n    2\n  ]\n}\nnext\n)\n')).toEqual(['{\n  a: 1,\n  b: [\n    2\n  ]\n}', 'next', ')']);
  });
  it('begin anew with a date, and keep empty lines', () => {
    expect(texts('one\n\n2026-01-01T00:00:00Z x [INFO] a\n2026-01-01T00:00:01Z x [INFO] b')).toEqual(['one', '', '2026-01-01T00:00:00Z x [INFO] a', '2026-01-01T00:00:01Z x [INFO] b']);
  });
  it('hold colours aside', () => {
    const [e] = entriesOf(`${esc}[31mERROR${esc}[0m x\r\n`);
    expect([e!.text, e!.level, e!.raw]).toEqual(['ERROR x', 'ERROR', `${esc}[31mERROR${esc}[0m x`]);
  });
  it('tell the error that a run returned, once', () => {
    const printed = entriesOf('FC Invoke Start RequestId: 1-a\nx\nFC Invoke End RequestId: 1-a, Error: Unhandled function error\n');
    const payload = JSON.stringify({ errorMessage: 'no', errorType: 'Error', stackTrace: ['Error: no', '    at f (index.js:1:2)'] });
    const all = withError(printed, { errorType: 'UnhandledInvocationError', payload });
    expect(all.map((e) => e.text)).toEqual([printed[0]!.text, 'x', 'Error: no\n    at f (index.js:1:2)', printed[2]!.text]);
    expect(all[2]!.level).toBe('ERROR');
    expect(withError(all, { errorType: 'UnhandledInvocationError', payload })).toBe(all);
    expect(withError([], { errorType: 'HandledInvocationError', payload: '{"errorMessage":"a","errorType":"B","stackTrace":[["f.py","1"]]}' })[0]!.text).toBe('B: a\nf.py\n1');
    expect(withError([], { errorType: 'X', payload: '{"errorMess' })[0]!.text).toBe('{"errorMess');
    expect(withError([], { fault: 'ResourceExhausted', message: 'No instance.' })[0]!.text).toBe('ResourceExhausted: No instance.');
    expect(withError(printed, {})).toBe(printed);
  });
  it('of nothing are none', () => expect(entriesOf('')).toEqual([]));
  it('of much are quick', () => {
    const begun = performance.now();
    expect(entriesOf('a line of output that means nothing at all\n'.repeat(100_000))).toHaveLength(100_000);
    expect(entriesOf(' '.repeat(32_000) + '\n' + '('.repeat(32_000) + '\nERROR' + ':'.repeat(32_000))).toHaveLength(3);
    expect(performance.now() - begun).toBeLessThan(3000);
  });
});

describe('links and marks', () => {
  it('are addresses and request ids', () => {
    const t = 'see https://example.com/a?b=c(d), (http://x.y/z). run 1-6956d2a5-12345678-123456789abc!';
    expect(linksIn(t).map((l) => t.slice(l.from, l.to))).toEqual(['https://example.com/a?b=c(d)', 'http://x.y/z', '1-6956d2a5-12345678-123456789abc']);
    expect(linksIn(t)[2]!.run).toBe('1-6956d2a5-12345678-123456789abc');
    expect(linksIn('javascript:alert(1) ftp://x')).toEqual([]);
  });
  it('are found in any case', () => {
    expect(found('Error error ERR', 'err')).toEqual([[0, 3], [6, 9], [12, 15]]);
    expect(found('aaa', '')).toEqual([]);
    expect(found('İx', 'x')).toEqual([[1, 2]]);
  });
  it('cut a text together with its colours', () => {
    const s = segments(`x ${esc}[31mhttp://a.b/c${esc}[0m y`, 'b/c y');
    expect(s.map((p) => p.text).join('')).toBe('x http://a.b/c y');
    expect(s).toEqual([
      { text: 'x ' }, { text: 'http://a.', style: { fg: 1 }, link: { from: 2, to: 14, href: 'http://a.b/c' } }, { text: 'b/c', style: { fg: 1 }, link: { from: 2, to: 14, href: 'http://a.b/c' }, mark: true }, { text: ' y', mark: true },
    ]);
  });
});
