import { describe, expect, it, vi } from 'vitest';

vi.stubGlobal('sessionStorage', { getItem: () => null, setItem: () => {} });
const { exampleKey, plainType, subjectOf } = await import('./samples');
const { failureOf, sent, wrongJSON } = await import('./session');

describe('samples', () => {
  it('are of what a native trigger listens to', () => {
    const t = { triggerType: 'oss', sourceArn: 'acs:oss:cn-hangzhou:1:testbucket', triggerConfig: '{"events":["oss:ObjectCreated:PutObject"],"filter":{"key":{"prefix":"source","suffix":"png"}}}' };
    expect(subjectOf(t)).toEqual({ bucket: 'testbucket', prefix: 'source', suffix: 'png', events: ['ObjectCreated:PutObject'], cloud: false });
  });
  it('are of what a rule listens to, as far as it says so', () => {
    const pattern = { source: ['acs.oss'], type: ['oss:ObjectRemoved:DeleteObject'], data: { oss: { bucket: { name: ['b'] }, object: { key: [{ prefix: 'in/' }, { suffix: '.png' }] } } } };
    expect(subjectOf({ triggerType: 'eventbridge', sourceArn: '', triggerConfig: JSON.stringify({ eventRuleFilterPattern: JSON.stringify(pattern) }) })).toEqual({
      bucket: 'b', prefix: 'in/', suffix: '.png', events: ['ObjectRemoved:DeleteObject'], cloud: true,
    });
    expect(subjectOf({ triggerType: 'eventbridge', sourceArn: '', triggerConfig: '{"eventRuleFilterPattern":"no"}' })?.bucket).toBe('');
    expect(subjectOf({ triggerType: 'timer', sourceArn: '', triggerConfig: '{}' })).toBe(null);
  });
  it.each([['source', 'png', 'source/a.png'], ['in/', '.jpg', 'in/a.jpg'], ['', '', 'source/a.png'], ['x', '', 'x/a.png']])('%s…%s could be %s', (p, s, want) => expect(exampleKey(p, s)).toBe(want));
  it('take one type of a wildcard', () => expect(plainType('oss:ObjectRemoved:*')).toBe('ObjectRemoved:DeleteObject'));
});

describe('testing', () => {
  it('sends a real event byte for byte as long as it is not edited', () => {
    expect(sent({ title: '', content: '{\n}', shown: '{\n}', exact: '{}' })).toBe('{}');
    expect(sent({ title: '', content: '[]', shown: '{\n}', exact: '{}' })).toBe('[]');
  });
  it('reads failures of every runtime', () => {
    expect(failureOf('{"errorMessage":"no","errorType":"TypeError","stackTrace":["at a","at b"]}')).toEqual({ type: 'TypeError', message: 'no', stack: 'at a\nat b' });
    expect(failureOf('{"errorMessage":"no","stackTrace":[["a.py",1,"f","x"]]}')?.stack).toContain('a.py');
    expect(failureOf('plain')).toBe(null);
  });
  it('says where JSON is wrong', () => {
    expect(wrongJSON('{}')).toBe(null);
    expect(wrongJSON('{"a": }')?.at).toBe(6);
    expect(wrongJSON('{"a": 1')?.at).toBe(7);
  });
});
