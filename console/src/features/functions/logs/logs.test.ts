import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../../api/gen';
import { classOf, pieces, plain } from './ansi';
import { entriesOf, found, levelOf, linksIn, reaches, withError } from './entries';
import { isOf, isOpen, latestFirst } from './data';
import { shownOf, taken } from './going';
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

describe('runs under way', () => {
  const at = Date.parse('2026-01-02T03:04:05Z');
  const run = (requestId: string, startedMs: number, more = {}) => ({ requestId, version: 'LATEST', qualifier: 'LATEST', kind: 'sync', attempt: 0, startedAtUnixMicro: startedMs * 1000, running: true, cold: false, ...more });
  const look = (nowMs: number, runs: ReturnType<typeof run>[], total = runs.length) => ({ runs, total, next: 1, now: new Date(nowMs).toISOString() });
  it('are shown when they last, with what they printed, by this clock', () => {
    const ahead = 60_000; // this page's clock
    let g = taken([], look(at + 100, [run('a', at, { log: 'one\n' })]), at + 100 + ahead);
    expect([g[0]!.began, shownOf(g, at + 100 + ahead).length, shownOf(g, at + 800 + ahead).length]).toEqual([at + ahead, 0, 1]);
    g = taken(g, look(at + 900, [run('b', at + 850), run('a', at, { same: true })]), at + 900 + ahead);
    expect(g.map((r) => [r.requestId, r.log])).toEqual([['b', undefined], ['a', 'one\n']]);
    g = taken(g, look(at + 1000, []), at + 1000 + ahead); // a lingers until its record is there; b was over too soon to be shown
    expect(g.map((r) => [r.requestId, r.over])).toEqual([['a', at + 1000 + ahead]]);
    expect([shownOf(g, at + 1100 + ahead).length, shownOf(g, at + 3000 + ahead).length, taken(g, look(at + 3000, []), at + 3000 + ahead).length]).toEqual([1, 0, 0]);
  });
  it('are not taken for over when only some are told of', () => expect(taken(taken([], look(at, [run('a', at)]), at), look(at + 1, [run('b', at + 1)], 2), at + 1).map((r) => r.over)).toEqual([undefined, undefined]));
});

describe('runs', () => {
  const run = (requestId: string, start: number, durationNanos: number, more = {}) => ({ requestId, attempt: 0, version: 'LATEST', qualifier: 'LATEST', startedAtUnixMicro: start, queuedNanos: 0, initNanos: 0, durationNanos, ...more }) as Attempt;
  it('stand in the order of the time that is shown of them', () => {
    expect(latestFirst([run('a', 1000, 0), run('b', 500, 900_000), run('c', 1200, 100_000)]).map((r) => r.requestId)).toEqual(['b', 'c', 'a']);
  });
  it('are of a version, an alias and an attempt', () => {
    const r = run('a', 0, 0, { version: '2', qualifier: 'live', attempt: 2 });
    expect([{}, { qualifier: '2' }, { qualifier: 'live' }, { qualifier: 'LATEST' }, { attempt: '2' }, { attempt: 'retry' }, { attempt: '0' }].map((f) => isOf(r, f))).toEqual([true, true, true, false, true, true, false]);
    expect([isOpen({}), isOpen({ until: '2000-01-01T00:00:00Z' }), isOpen({ until: '2999-01-01T00:00:00Z' })]).toEqual([true, false, true]);
  });
});
