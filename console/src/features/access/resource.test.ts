import { expect, test } from 'vitest';
import { build, take } from './resource';
import { refusedPolicy, trustedBy } from './said';

const where = { region: 'cn-hangzhou', account: '1' };

test.each([
  ['bucket', { name: 'b', key: '' }, 'acs:oss:cn-hangzhou:1:b'],
  ['bucket', { name: '', key: '' }, 'acs:oss:cn-hangzhou:1:*'],
  ['object', { name: 'b', key: 'a/ü:*.png' }, 'acs:oss:cn-hangzhou:1:b/a/ü:*.png'],
  ['function', { name: 'f', key: '' }, 'acs:fc:cn-hangzhou:1:functions/f'],
  ['user', { name: 'u', key: '' }, 'acs:ram::1:user/u'],
  ['role', { name: '', key: '' }, 'acs:ram::1:role/*'],
  ['other', { name: 'acs:alcedo:r:1:metrics', key: '' }, 'acs:alcedo:r:1:metrics'],
] as const)('%s %j', (kind, parts, resource) => {
  expect(build(kind, parts, where)).toBe(resource);
  expect(take(kind, resource)).toEqual(parts);
});

test("another kind's resource is not taken", () => {
  expect(take('bucket', 'acs:oss:r:1:b/k')).toBeUndefined();
  expect(take('object', 'acs:oss:r:1:b')).toBeUndefined();
  expect(take('function', 'acs:oss:r:1:b')).toBeUndefined();
  expect(take('user', 'acs:ram::1:role/x')).toBeUndefined();
});

test('a refusal finds its policy', () => {
  const list = [{ name: 'read' }, { name: 'read-all' }];
  expect(refusedPolicy('The policy read-all of user x: Version must be "1".', list)?.name).toBe('read-all');
  expect(refusedPolicy('The policy "read": bad.', list)?.name).toBe('read');
  expect(refusedPolicy('Too many.', list)).toBeUndefined();
});

test('who is trusted', () => {
  expect(trustedBy({ Statement: [{ Principal: { Service: 'fc.aliyuncs.com', RAM: ['acs:ram::1:root', 'acs:ram::1:user/x'] } }] })).toEqual(['fc.aliyuncs.com', 'root', 'user/x']);
  expect(trustedBy(null)).toEqual([]);
});
