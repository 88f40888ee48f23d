import i18n from 'i18next';
import { beforeAll, expect, test } from 'vitest';
import en from '../locales/en/refused.json';
import enSaid from '../locales/en/said.json';
import zh from '../locales/zh/refused.json';
import zhSaid from '../locales/zh/said.json';
import { messageOf, parseRefusal, Refusal } from './api';
import { parsed, ready, tell, told, type Told } from './told';

beforeAll(() => i18n.init({ lng: 'en', fallbackLng: false, ns: ['said'], resources: { en: { said: enSaid }, zh: { said: zhSaid } }, interpolation: { escapeValue: false } }));

const taken: Told = { reason: 'TriggerExists', args: { trigger: 'thumb', function: 'resize' } };

test('both languages have a text for each code', () => {
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  for (const text of Object.values(zh)) expect(text.trim()).not.toBe('');
});

test('sentences in sentences, hints, and what has no code', async () => {
  await i18n.changeLanguage('zh');
  const is = (t: Told, chinese: string) => expect(tell(t, 'the message', zh)).toBe(chinese);
  is(taken, '函数“resize”已有触发器“thumb”。');
  is({ ...taken, hint: { reason: 'Verbatim', args: { text: 'As you like.' } } }, '函数“resize”已有触发器“thumb”。As you like.');
  is({ reason: 'Verbatim', args: { text: 'A whim.' }, hint: { reason: 'TryAgain' } }, 'A whim. 请重试。');
  is({ reason: 'OSSConfigInvalid', args: { why: { reason: 'ConfigEventTwice', args: { event: 'oss:x' } } } }, 'OSS 触发器配置无效。oss:x 重复。');
  is({ reason: 'OSSConfigInvalid', args: { why: 'It is a whim.' } }, 'OSS 触发器配置无效。It is a whim.');
  is({ reason: 'NotAllowed', args: { action: 'a:b', resource: 'r', why: { reason: 'StatementDenies', args: { policy: 'p', statement: 2 } } } }, `不允许对 r 执行 a:b。${zhSaid.why.StatementDenies.replace('{{policy}}', 'p').replace('{{statement}}', '2')}`);
  is({ reason: 'PatternBareMatcherHint', args: { field: '"key"', matcher: '"prefix"' } }, '请写作 "key":[{"prefix":…}]。');
  is({ reason: 'LaterCode' }, 'the message');
  is({ reason: 'constructor' }, 'the message');
});

test('in English the sentence is the server’s own', async () => {
  await i18n.changeLanguage('en');
  expect(tell(taken, '', en)).toBe("trigger 'thumb' already exists in function 'resize'.");
  expect(told(taken, 'As the server said.')).toBe('As the server said.');
});

test('a name that looks like a text for filling in stays what it is', () => {
  expect(tell({ reason: 'TriggerExists', args: { trigger: '{{function}}', function: '$&' } }, '', zh)).toBe('函数“$&”已有触发器“{{function}}”。');
});

test('only what the server sends is read', () => {
  for (const s of [null, '', 'no JSON', 'null', '[]', '{"reason":1}']) expect(parsed(s)).toBeUndefined();
  expect(parsed('{"reason":"UserNotFound","args":{"user":"\\u9e1f\\ud83d\\udc26"}}')?.args?.user).toBe('鸟🐦');
});

test('a refusal keeps its message for programs, and tells its reader', async () => {
  await i18n.changeLanguage('zh');
  await ready('zh');
  const xml = parseRefusal(404, '<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>', '', '{"reason":"NoSuchKey"}');
  expect([xml.message, messageOf(xml)]).toEqual(['The specified key does not exist.', '指定的文件（Object）不存在。']);
  const json = parseRefusal(404, JSON.stringify({ Code: 'X', Message: 'M', Said: taken }), '');
  expect([json.message, json.told]).toEqual(['M', '函数“resize”已有触发器“thumb”。']);
  expect(messageOf(new Refusal(400, 'X', 'A whim.'))).toBe('A whim.');
  await i18n.changeLanguage('en');
  expect(messageOf(json)).toBe('M');
});
