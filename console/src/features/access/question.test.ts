import { describe, expect, test } from 'vitest';
import { asked, flaws, isAddress, unknownAction, type Question } from './question';

const good: Question = { kind: 'user', who: 'ann', action: 'oss:GetObject', parts: { name: 'pictures', key: 'a/b.png' }, ip: '', secure: false, prefix: '', delimiter: '' };
const where = { region: 'cn-hangzhou', account: '1' };

describe('a question', () => {
  test.each<[string, Partial<Question>, ReturnType<typeof flaws>]>([
    ['as it should be', {}, {}],
    ['of nobody', { who: ' ' }, { who: 'whoNeeded' }],
    ['of no action', { action: 'GetObject' }, { action: 'actionNeeded', name: 'resourceRule' }],
    ['of a pattern', { action: 'oss:*', parts: { name: '*', key: '' } }, { action: 'actionNeeded' }],
    ['on no bucket', { parts: { name: '', key: 'a' } }, { name: 'nameNeeded' }],
    ['on all buckets', { action: 'oss:PutBucket', parts: { name: '', key: '' } }, {}],
    ['on a bucket with its object', { parts: { name: 'pictures/a.png', key: '' } }, { name: 'bucketOnly' }],
    ['on what is no bucket', { parts: { name: 'My_Bucket', key: '' } }, { name: 'bucketRule' }],
    ['on what is no function', { action: 'fc:GetFunction', parts: { name: 'a b', key: '' } }, { name: 'functionRule' }],
    ['on what is no user', { action: 'ram:GetUser', parts: { name: 'a/b', key: '' } }, { name: 'nameRule' }],
    ['on something else', { action: 'log:Get', parts: { name: 'x', key: '' } }, { name: 'resourceRule' }],
    ['to assume any role', { action: 'sts:assumerole', parts: { name: '', key: '' } }, { name: 'nameNeeded' }],
    ['of a service', { kind: 'service', who: 'fc.aliyuncs.com', action: 'nonsense', parts: { name: 'worker', key: '' } }, {}],
    ['from nowhere', { ip: '10.0.0' }, { ip: 'ipRule' }],
    ['from a net', { ip: '10.0.0.0/8' }, { ip: 'ipRule' }],
  ])('%s', (_, change, want) => {
    const found = flaws({ ...good, ...change });
    expect(Object.fromEntries(Object.entries(found).filter(([, v]) => v))).toEqual(want);
  });

  test('in the URL', () => {
    expect(asked({ ...good, ip: ' ::1 ', secure: true, prefix: 'x' }, where)).toEqual({ kind: 'user', who: 'ann', action: 'oss:GetObject', resource: 'acs:oss:cn-hangzhou:1:pictures/a/b.png', at: undefined, ip: '::1', secure: '1' });
    expect(asked({ ...good, action: 'oss:ListObjects', prefix: 'x/', at: '2030-01-01T00:00:00Z' }, where)).toMatchObject({ resource: 'acs:oss:cn-hangzhou:1:pictures', prefix: 'x/', delimiter: undefined, at: '2030-01-01T00:00:00Z' });
    expect(asked({ ...good, kind: 'service', who: 'fc.aliyuncs.com', parts: { name: 'worker', key: '' }, ip: '::1' }, where)).toEqual({ kind: 'service', who: 'fc.aliyuncs.com', action: 'sts:AssumeRole', resource: 'acs:ram::1:role/worker', at: undefined });
  });

  test.each([['10.1.2.3', true], ['256.1.1.1', false], ['010.1.1.1', false], ['::1', true], ['fe80::1::2', false], ['::ffff:10.0.0.1', true], ['x', false]])('the address %s', (text, want) => expect(isAddress(text)).toBe(want));

  test('slips', () => {
    expect(unknownAction('oss:GetObjekt')).toBe(true);
    expect(unknownAction('oss:getobject')).toBe(false);
    expect(unknownAction('log:Anything')).toBe(false);
  });
});
