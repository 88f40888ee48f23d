import { describe, expect, test } from 'vitest';
import { at, parse } from './json';
import { fits, validate, type PolicyKind } from './policy';
import { permissionTemplates, pretty, trustTemplates } from './templates';

const ok = { Version: '1', Statement: [{ Effect: 'Allow', Action: 'oss:GetObject', Resource: '*' }] };
const statement = (s: unknown) => ({ Version: '1', Statement: [s] });
const found = (text: string, kind: PolicyKind = 'permission') => validate(text, kind).map((f) => `${f.severity} ${f.code} ${JSON.stringify(text.slice(f.from, f.to))}`);

describe('JSON with places', () => {
  test.each([
    ['{"a":}', 'value', 1, 6],
    ['{"a":1,}', 'key', 1, 8],
    ['{\n  "a" 1\n}', 'colon', 2, 7],
    ['[1 2]', 'comma', 1, 4],
    ['{"a":"x', 'string', 1, 6],
    ['{} x', 'end', 1, 4],
    ['{"a":1', 'comma', 1, 7],
    ['{"a":01}', 'value', 1, 6],
    ['', 'value', 1, 1],
    ['['.repeat(70), 'deep', 1, 66],
  ])('%s', (text, code, line, column) => {
    const { problem } = parse(text);
    expect(problem?.code).toBe(code);
    expect(at(text, problem!.at)).toEqual({ line, column });
  });

  test('agrees with the built-in parser', () => {
    const values = [null, true, -1.5e3, 'a "quoted" \\ ünï\n', [], {}, [1, ['x', { y: [null, false] }]], { a: { b: {} }, c: '' }];
    const plain = (n: ReturnType<typeof parse>['node']): unknown =>
      n!.kind === 'object' ? Object.fromEntries(n!.fields.map((f) => [f.name, plain(f.value)])) : n!.kind === 'array' ? n!.items.map(plain) : n!.kind === 'null' ? null : n!.value;
    for (const v of values) for (const text of [JSON.stringify(v), JSON.stringify(v, null, 2)]) expect(plain(parse(text).node)).toEqual(v);
  });
});

describe('policies', () => {
  test.each<[string, unknown, PolicyKind, string[]]>([
    ['a good one', ok, 'permission', []],
    ['one statement alone', { Version: '1', Statement: ok.Statement[0] }, 'permission', []],
    ['another version', { ...ok, Version: '2012' }, 'permission', ['error version "\\"2012\\""']],
    ['no version', { Statement: ok.Statement }, 'permission', ['error noVersion "{"']],
    ['an unknown field', { ...ok, Id: 'x' }, 'permission', ['error unknownField "\\"Id\\""']],
    ['a field in small letters', statement({ effect: 'Allow', Action: '*', Resource: 'acs:oss:*:*:b' }), 'permission', ['error effect "{"', 'error unknownField "\\"effect\\""']],
    ['no statements', { Version: '1', Statement: [] }, 'permission', ['error statements "[]"']],
    ['an effect', statement({ ...ok.Statement[0], Effect: 'allow' }), 'permission', ['error effect "\\"allow\\""']],
    ['an action without a service', statement({ ...ok.Statement[0], Action: ['GetObject'] }), 'permission', ['error action "\\"GetObject\\""']],
    ['an action that nobody knows', statement({ ...ok.Statement[0], Action: ['oss:Get*', 'oss:GetObjekt'] }), 'permission', ['warning actionUnknown "\\"oss:GetObjekt\\""']],
    ['a service that is not here', statement({ ...ok.Statement[0], Action: 'log:*' }), 'permission', ['info service "\\"log:*\\""']],
    ['everything', statement({ Effect: 'Allow', Action: '*', Resource: '*' }), 'permission', ['warning everything "\\"*\\""']],
    ['everything denied', statement({ Effect: 'Deny', Action: '*', Resource: '*' }), 'permission', []],
    ['no resource', statement({ Effect: 'Allow', Action: 'oss:*' }), 'permission', ['error missing "{"']],
    ['a resource that is a name', statement({ ...ok.Statement[0], Resource: 'bucket/*' }), 'permission', ['error resource "\\"bucket/*\\""']],
    ['a number among actions', statement({ ...ok.Statement[0], Action: ['oss:*', 1] }), 'permission', ['error list "1"']],
    ['a principal', statement({ ...ok.Statement[0], Principal: {} }), 'permission', ['error principalHere "\\"Principal\\""']],
    ['a condition', statement({ ...ok.Statement[0], Condition: { IpAddress: { 'acs:sourceip': ['10.0.0.0/8', '::1', '10.0.0.300', '10.0.0.0/33'] } } }), 'permission', ['error compareValue "\\"10.0.0.300\\""', 'error compareValue "\\"10.0.0.0/33\\""']],
    ['an operator', statement({ ...ok.Statement[0], Condition: { IpEquals: { x: 'y' } } }), 'permission', ['error operator "\\"IpEquals\\""']],
    ['a key', statement({ ...ok.Statement[0], Condition: { Bool: { 'acs:MFA': true, 'acs:SecureTransport': 'TRUE' } } }), 'permission', ['error conditionKey "\\"acs:MFA\\""']],
    ['a key that it cannot compare', statement({ ...ok.Statement[0], Condition: { DateLessThan: { 'oss:Prefix': '2030-01-01' } } }), 'permission', ['error compare "\\"oss:Prefix\\""']],
    ['too long', statement({ ...ok.Statement[0], Resource: Array.from({ length: 190 }, (_, i) => `acs:oss:*:*:a-bucket-${i}/with/a/prefix/*`) }), 'permission', ['error tooLong "{"']],
    ['trust', statement({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'fc.aliyuncs.com' } }), 'trust', []],
    ['trust of nobody', statement({ Effect: 'Allow', Action: 'sts:AssumeRole' }), 'trust', ['error missing "{"']],
    ['trust with a resource', statement({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: 'acs:ram::1:root' }, Resource: '*' }), 'trust', ['error resourceHere "\\"Resource\\""']],
    ['trust in no service', statement({ Effect: 'Allow', Action: 'oss:*', Principal: { Service: ['fc', 'x.example'] } }), 'trust', ['warning trustAction "\\"oss:*\\""', 'error trustService "\\"fc\\""', 'info otherService "\\"x.example\\""']],
    ['trust in whom', statement({ Effect: 'Allow', Action: 'sts:*', Principal: { RAM: ['acs:ram::1:user/*'], Federated: 'x' } }), 'trust', ['error ram "\\"acs:ram::1:user/*\\""', 'error unknownField "\\"Federated\\""']],
  ])('%s', (_, document, kind, want) => {
    expect(found(JSON.stringify(document), kind)).toEqual(want);
    expect(found(JSON.stringify(document, null, 2), kind).map((f) => f.split(' ').slice(0, 2))).toEqual(want.map((f) => f.split(' ').slice(0, 2)));
  });

  test('text that is none', () => {
    expect(found('')).toEqual(['error empty ""']);
    expect(found('[]')).toEqual(['error notObject "[]"']);
    expect(found('{"Version":"1",}')).toEqual(['error json.key "}"']);
    expect(found('{"Version":"1","Version":"1","Statement":{"Effect":"Allow","Action":"oss:*","Resource":"*"}}')).toEqual(['error twice "\\"Version\\""']);
  });

  test('templates are fine as they are', () => {
    for (const t of permissionTemplates) expect(validate(pretty(t.make('b')), 'permission').filter((f) => f.severity !== 'info')).toEqual([]);
    for (const t of trustTemplates('1')) expect(validate(pretty(t.make()), 'trust')).toEqual([]);
  });

  test('patterns', () => {
    expect(fits('oss:Get*', 'oss:getobject')).toBe(true);
    expect(fits('oss:?etObject', 'oss:GetObject')).toBe(true);
    expect(fits('oss.GetObject', 'oss:GetObject')).toBe(false);
  });
});
