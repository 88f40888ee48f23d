// Both languages say the same things, every text that is asked for is there, and the
// names are those of the documentation that people follow.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { namespaces } from './i18n';

const src = join(import.meta.dirname, '..');
const files = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? files(join(dir, e.name)) : [join(dir, e.name)]));

type Texts = Map<string, string>;

function flat(of: unknown, prefix = '', out: Texts = new Map()): Texts {
  for (const [k, v] of Object.entries(of as Record<string, unknown>)) {
    if (typeof v === 'string') out.set(prefix + k, v);
    else flat(v, `${prefix}${k}.`, out);
  }
  return out;
}

const texts = (language: string, ns: string): Texts => {
  try {
    return flat(JSON.parse(readFileSync(join(src, 'locales', language, `${ns}.json`), 'utf8')));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw err;
  }
};
const en = new Map(namespaces.map((ns) => [ns as string, texts('en', ns)]));
const zh = new Map(namespaces.map((ns) => [ns as string, texts('zh', ns)]));

// Chinese has one form for every number.
const form = /_(one|other|zero|two|few|many)$/;
const keysOf = (t: Texts | undefined) => [...new Set([...(t?.keys() ?? [])].map((k) => k.replace(form, '')))].sort();
const holes = (s: string) => [...new Set([...s.matchAll(/\{\{\s*([\w.]+)[^}]*\}\}|<(\w+)>/g)].map((m) => m[1] ?? `<${m[2]}>`))].sort();

describe.each([...namespaces])('%s', (ns) => {
  test('has the same keys in both languages', () => {
    expect(keysOf(zh.get(ns))).toEqual(keysOf(en.get(ns)));
  });

  test('fills in the same things', () => {
    for (const key of keysOf(en.get(ns))) {
      const of = (t: Texts) => t.get(key) ?? t.get(key + '_other') ?? '';
      const plural = en.get(ns)!.has(key + '_other'); // its number may be left unsaid
      const holed = (t: Texts) => holes(of(t)).filter((h) => !(plural && h === 'count'));
      expect(holed(zh.get(ns)!), `${ns}:${key}`).toEqual(holed(en.get(ns)!));
    }
  });

  test('has no empty text', () => {
    for (const t of [en.get(ns)!, zh.get(ns)!]) for (const [k, v] of t) expect(v.trim(), `${ns}:${k}`).not.toBe('');
  });
});

/** asked are the keys that a source file asks for, as far as they stand in it. */
function asked(text: string): { ns: string; key: string; prefix: boolean }[] {
  const spaces = [...text.matchAll(/useTranslation\(\s*(?:\[\s*)?'(\w+)'/g)].map((m) => m[1]!);
  const out: { ns: string; key: string; prefix: boolean }[] = [];
  const add = (key: string, prefix: boolean) => {
    const cut = key.indexOf(':');
    const named = cut > 0 && (namespaces as readonly string[]).includes(key.slice(0, cut));
    const rest = named ? key.slice(cut + 1) : key;
    if (named) out.push({ ns: key.slice(0, cut), key: rest, prefix });
    else out.push({ ns: [...new Set(spaces)].join('|') || 'common', key: rest, prefix });
  };
  // t('a'), t("a"), and both of t(x ? 'a' : 'b')
  for (const m of text.matchAll(/(?<![\w.$])t\(\s*(?:[^'"`(),]*\?\s*)?(['"])([\w.:-]+)\1(?:\s*:\s*(['"])([\w.:-]+)\3)?/g)) {
    add(m[2]!, false);
    if (m[4]) add(m[4], false);
  }
  // t(`a.${x}`): something begins so
  for (const m of text.matchAll(/(?<![\w.$])t\(\s*`([\w.:-]+)\$\{/g)) add(m[1]!, true);
  return out;
}

test('every text that a page asks for is there', () => {
  const missing: string[] = [];
  let seen = 0;
  for (const file of files(src).filter((f) => /\.tsx?$/.test(f) && !/\.test\.tsx?$/.test(f))) {
    for (const { ns, key, prefix } of asked(readFileSync(file, 'utf8'))) {
      // A file with components of several namespaces: any of them may be meant.
      const found = ns.split('|').some((n) => {
        const keys = [...(en.get(n)?.keys() ?? [])];
        return keys.some((k) => (prefix ? k.startsWith(key) : k.replace(form, '') === key || k === key));
      });
      seen++;
      if (!found) missing.push(`${file.slice(src.length + 1)}: ${ns}:${key}${prefix ? '…' : ''}`);
    }
  }
  expect(missing).toEqual([]);
  expect(seen).toBeGreaterThan(300); // it still finds what it looks for
});

// What the documentation of the cloud calls things, in both of its languages.
const glossary: [string, string][] = [
  ['Create Trigger', '创建触发器'],
  ['Test Function', '测试函数'],
  ['Configure Test Parameters', '配置测试参数'],
  ['Create New Test Event', '创建新测试事件'],
  ['Modify Existing Test Event', '编辑已有测试事件'],
  ['Deploy', '部署代码'],
  ['Trigger', '触发器'],
  ['Trigger Type', '触发器类型'],
  ['Version or Alias', '版本或别名'],
  ['Bucket Name', 'Bucket 名称'],
  ['Object Prefix', '文件前缀'],
  ['Object Suffix', '文件后缀'],
  ['Trigger Event', '触发事件'],
  ['Role Name', '角色名称'],
  ['Functions', '函数'],
  ['Code', '代码'],
  ['Configuration', '配置'],
  ['Logs', '日志'],
];

test.each(glossary)('%s is %s', (english, chinese) => {
  const at = [...en].flatMap(([ns, t]) => [...t].filter(([, v]) => v === english).map(([k]) => [ns, k] as const));
  expect(at, `no text says “${english}”`).not.toEqual([]);
  expect(at.map(([ns, k]) => zh.get(ns)!.get(k))).toContain(chinese);
});
