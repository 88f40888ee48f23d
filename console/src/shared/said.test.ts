import i18n from 'i18next';
import { beforeAll, describe, expect, test } from 'vitest';
import { reasons, type ReasonCode, type Why } from '../api/gen';
import en from '../locales/en/said.json';
import zh from '../locales/zh/said.json';
import { around, faultTitle, say } from './said';

const codes = Object.keys(reasons) as ReasonCode[];

beforeAll(() => i18n.init({ lng: 'en', fallbackLng: false, ns: ['said'], resources: { en: { said: en }, zh: { said: zh } }, interpolation: { escapeValue: false } }));

/** made are arguments of a code, all but the optional ones. */
const made = (code: ReasonCode): Why['args'] =>
  Object.fromEntries((reasons[code] as readonly string[]).filter((a) => !a.endsWith('?')).map((a) => [a, ['n', 'at', 'more', 'seconds', 'limit', 'statement'].includes(a) ? 3 : `<${a}>`]));

describe.each(['en', 'zh'])('in %s', (language) => {
  const texts: Record<string, string> = language === 'en' ? en.why : zh.why;
  test.each(codes)('%s is said, and needs nothing that the server does not send', async (code) => {
    await i18n.changeLanguage(language);
    const said = say({ reason: code, args: made(code), parts: [] }, 'the fallback');
    expect(said).not.toBe('the fallback');
    expect(said).not.toMatch(/\{\{|undefined|NaN|why\./);
    const names: string[] = [...reasons[code]].map((a: string) => a.replace('?', ''));
    for (const [key, value] of Object.entries(texts)) {
      if (key.replace(/_(one|other)$/, '') !== code) continue;
      for (const [, hole] of value.matchAll(/\{\{(\w+)\}\}/g)) expect([...names, 'parts'], key).toContain(hole);
    }
  });
});

test('there is no text for what the server never says', () => {
  for (const key of Object.keys(en.why)) expect(codes).toContain(key.replace(/_(one|other)$/, ''));
});

test('a code from a later server keeps its sentence', () => {
  expect(say({ reason: 'Whim' as ReasonCode }, 'The server had a whim.')).toBe('The server had a whim.');
  expect(say(null, 'As it was.')).toBe('As it was.');
  expect(faultTitle('no such/../code')).toBe('');
  expect(faultTitle('Whim')).toBe('');
});

test('clauses and hints', async () => {
  const why: Why = {
    reason: 'FieldRefused',
    args: { field: 'type', values: '"a"' },
    parts: [{ reason: 'NotEqual', args: { of: '"b", "c"', n: 2 } }, { reason: 'NotSuffix', args: { of: '"d"', n: 1 } }],
    hint: { reason: 'ValueCaseDiffers' },
  };
  await i18n.changeLanguage('en');
  expect(say(why, '')).toBe('type "a" is none of "b", "c", and does not end with "d"; only the case differs, and it counts');
  await i18n.changeLanguage('zh');
  expect(say(why, '')).toBe('字段 type 的值 "a" 不等于 "b", "c"，且不以 "d" 结尾；仅大小写不同，而大小写是区分的');
});

test('pauses tell why, errors what they are, times in the zone', async () => {
  await i18n.changeLanguage('zh');
  const paused = { since: '2026-01-31T08:00:00Z', pause: 'Manual' };
  expect(say({ reason: 'TriggerPaused', args: { ...paused, detail: 'mending' } }, '', 'utc')).toBe('触发器自 2026-01-31 08:00:00 UTC 起已暂停（人工操作：mending），事件将成为死信');
  expect(say({ reason: 'TriggerPaused', args: paused }, '', 'utc')).toContain('（人工操作），');
  expect(say({ reason: 'AttemptsFailed', args: { fault: 'UnhandledInvocationError', n: 4 } }, '')).toBe('共执行 4 次，最后一次失败：函数执行失败（UnhandledInvocationError）。');
  expect(faultTitle('EntityNotExist.User.AccessKey')).toBe('访问密钥不存在');
});

test('the character that differs is found in any script, and far into a key', () => {
  expect(around('图像/a', 2)).toEqual(['图', '像', '/a']);
  expect(around('🙂b', 2)).toEqual(['🙂', 'b', '']);
  const [before, here, after] = around('a'.repeat(500) + 'X' + 'b'.repeat(500), 501);
  expect(before).toMatch(/^…a{48}$/);
  expect(here).toBe('X');
  expect(after).toMatch(/^b{48}…$/);
  expect(say({ reason: 'SuffixDiffers', args: { suffix: '.png', key: 'long/'.repeat(200) + 'a.gif' } }, '')).toMatch(/“….{43}a\.gif”/);
});
