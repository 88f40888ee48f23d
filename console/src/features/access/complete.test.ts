import { describe, expect, test } from 'vitest';
import { complete } from './complete';
import type { PolicyKind } from './policy';

// | is the cursor.
const at = (text: string, kind: PolicyKind = 'permission') => {
  const pos = text.indexOf('|');
  const c = complete(text.replace('|', ''), pos, kind);
  return c && { typed: text.slice(c.from, pos), options: c.options };
};

describe('completion', () => {
  test.each<[string, string, string | undefined, PolicyKind?]>([
    ['{"Ver|', 'Ver', 'Statement'],
    ['{"Version":"|"}', '', '1'],
    ['{"Statement":[{"|"}]}', '', 'NotAction'],
    ['{"Statement":[{"Effect":"Al|', 'Al', 'Deny'],
    ['{"Statement":{"Effect":"Allow","Action":"oss:|"}}', 'oss:', 'oss:GetObject'],
    ['{"Statement":[{"Action":["fc:*", "oss:Get|Obj"]}]}', 'oss:Get', 'oss:GetObject'],
    ['{"Statement":[{"Action":["a\\"b", "|"]}]}', '', 'sts:AssumeRole', 'trust'],
    ['{"Statement":[{"Action":"x", "Resource":"|"}]}', '', 'acs:oss:*:*:'],
    ['{"Statement":[{"Condition":{"|"}}]}', '', 'IpAddress'],
    ['{"Statement":[{"Condition":{"IpAddress":{"|"}}}]}', '', 'acs:SourceIp'],
    ['{"Statement":[{"Condition":{"IpAddress":{"acs:SourceIp":"|"}}}]}', '', undefined],
    ['{"Statement":[{"Principal":{"|"}}]}', '', 'RAM', 'trust'],
    ['{"Statement":[{"Principal":{"Service":["|"]}}]}', '', 'fc.aliyuncs.com', 'trust'],
  ])('%s', (text, typed, want, kind) => {
    const got = at(text, kind);
    expect(got?.typed).toBe(typed);
    if (want) expect(got?.options).toContain(want);
    else expect(got?.options).toEqual([]);
  });

  test.each(['|', '{|', '{"Version"|:"1"}', '{"Version": |}', '"|', ']]]|', '{"a\n|'])('nothing at %s', (text) => expect(at(text)).toBeNull());
});
