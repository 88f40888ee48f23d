import { expect, it } from 'vitest';
import { mayInvoke, trustsOSS, withOSS } from './roles';

const trust = (...services: string[]) => ({ Version: '1', Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: services } }] });

it('tells whether OSS may assume a role, and lets it, keeping others', () => {
  expect(trustsOSS(trust('fc.aliyuncs.com', 'oss.aliyuncs.com'))).toBe(true);
  for (const bad of [undefined, null, {}, trust('fc.aliyuncs.com'), { Statement: { Effect: 'Deny', Principal: { Service: 'oss.aliyuncs.com' } } }]) {
    expect(trustsOSS(bad)).toBe(false);
    expect(trustsOSS(withOSS(bad))).toBe(true);
  }
  const both = withOSS(trust('fc.aliyuncs.com')) as { Statement: unknown[] };
  expect(both.Statement).toHaveLength(2);
  const right = trust('oss.aliyuncs.com');
  expect(withOSS(right)).toBe(right);
});

it('tells whether a role may invoke functions', () => {
  const policy = (Action: unknown, Effect = 'Allow') => [{ name: 'p', document: { Statement: [{ Effect, Action, Resource: '*' }] } }];
  for (const a of ['*', 'fc:*', ['oss:GetObject', 'fc:InvokeFunction']]) expect(mayInvoke(policy(a))).toBe(true);
  for (const p of [null, [], policy('oss:*'), policy('fc:*', 'Deny')]) expect(mayInvoke(p)).toBe(false);
});
