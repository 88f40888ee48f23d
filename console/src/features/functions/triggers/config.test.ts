import { describe, expect, it } from 'vitest';
import type { Trigger } from '../../../api/gen';
import { blank, configOf, draftOf, fieldOf, keptConfig, switched, uploads, type Draft } from './config';

const arn = 'acs:oss:cn-hangzhou:1:';
const trigger = (type: string, config: unknown, more: Partial<Trigger> = {}): Trigger => ({
  triggerName: 't', triggerType: type, triggerId: 'id', triggerConfig: typeof config === 'string' ? config : JSON.stringify(config), qualifier: 'LATEST', sourceArn: arn + 'b',
  invocationRole: 'acs:ram::1:role/aliyunosseventnotificationrole', description: '', status: 'OK', createdTime: '', lastModifiedTime: '', function: 'f', state: 'enabled', ...more,
});
const draft = (d: Partial<Draft>): Draft => ({ ...blank('LATEST'), ...d });

describe('a native trigger', () => {
  it('is what the panel makes', () => {
    expect(JSON.parse(configOf(draft({ bucket: 'b', prefix: 'source', suffix: 'png' }), arn))).toEqual({ events: uploads, filter: { key: { prefix: 'source', suffix: 'png' } } });
  });
  it('is read whatever the case of its names', () => {
    expect(draftOf(trigger('oss', '{"events":["oss:ObjectCreated:*"],"Filter":{"Key":{"Prefix":"a/","Suffix":".b"}}}'), arn)).toMatchObject({
      type: 'oss', bucket: 'b', prefix: 'a/', suffix: '.b', events: ['oss:ObjectCreated:*'], role: 'AliyunOSSEventNotificationRole',
    });
  });
  it('keeps its text when nothing of it changed', () => {
    const t = trigger('oss', '{ "events": ["oss:ObjectCreated:*"],  "filter": {"Key":{"Prefix":"a/"}}}');
    expect(keptConfig(draftOf(t, arn), t, arn)).toBe(t.triggerConfig);
    expect(keptConfig({ ...draftOf(t, arn), suffix: 'x' }, t, arn)).not.toBe(t.triggerConfig);
  });
});

describe('a rule', () => {
  it('is read as it was made', () => {
    const d = draft({
      type: 'eventbridge', name: 't', buckets: ['b'], prefixes: ['x', 'y'], enabled: false, retry: 'EXPONENTIAL_DECAY_RETRY', maxAge: 60, maxAttempts: 2, errors: 'ALL', deadLetter: 'acs:oss:::b/dead/',
    });
    const read = draftOf(trigger('eventbridge', configOf(d, arn)), arn);
    expect({ ...read, role: d.role }).toEqual(d);
  });
  it('shows a pattern of its own as text', () => {
    const d = draftOf(trigger('eventbridge', { eventRuleFilterPattern: '{"source":["acs.oss"],"data":{"x":[1]}}' }), arn);
    expect(d.raw).toBe(true);
    expect(JSON.parse(d.pattern)).toEqual({ source: ['acs.oss'], data: { x: [1] } });
  });
  it('asks for no retries of asynchronous runs', () => {
    const c = JSON.parse(configOf(draft({ type: 'eventbridge', async: true, errors: 'NONE', deadLetter: 'x' }), arn));
    expect(c.runOptions).toEqual({ mode: 'event-driven' });
  });
  it('is switched without losing the rest', () => {
    expect(JSON.parse(switched('{"TriggerEnable":true,"eventRuleFilterPattern":"{}"}', false))).toEqual({ triggerEnable: false, eventRuleFilterPattern: '{}' });
  });
});

describe('a refusal', () => {
  const native = { type: 'oss', raw: false } as const;
  const rule = { type: 'eventbridge', raw: true } as const;
  it.each<[string, string, Pick<Draft, 'type' | 'raw'>, string | undefined]>([
    ['TriggerAlreadyExists', "trigger 't' already exists in function 'f'.", native, 'name'],
    ['InvalidArgument', 'triggerName "1" is not valid.', native, 'name'],
    ['AliasNotFound', 'alias', native, 'qualifier'],
    ['OSSInvalidRequest', "event source 'oss' returned error: Cannot specify overlapping prefix and suffix with same event type.", native, 'prefix'],
    ['OSSInvalidRequest', "event source 'oss' returned error: The bucket 'b' has 10 native triggers already", native, 'bucket'],
    ['InvalidArgument', 'invalid OSS trigger config. The prefix "/a" starts with a forward slash', native, 'prefix'],
    ['InvalidArgument', 'invalid OSS trigger config. The suffix "*" has a wildcard', native, 'suffix'],
    ['NoSuchBucket', 'The specified bucket does not exist.', native, 'bucket'],
    ['InvalidArgument', 'invalid OSS trigger config. Unknown OSS event "x".', native, 'events'],
    ['InvalidArgument', "The role 'acs:ram::1:role/x' does not exist.", native, 'role'],
    ['AccessDenied', "No permission to assume the role 'x' for you.", native, 'role'],
    ['AccessDenied', 'You are not allowed to do fc:CreateTrigger.', native, undefined],
    ['InvalidArgument', 'In the event pattern, field source is the string "x", not an array.', rule, 'pattern'],
    ['InvalidArgument', 'In the event pattern, field source is bad', { type: 'eventbridge', raw: false }, 'buckets'],
    ['InvalidArgument', 'MaximumRetryAttempts 177 is out of range', rule, 'maxAttempts'],
    ['InvalidArgument', 'MaximumEventAgeInSeconds 1 is out of range', rule, 'maxAge'],
    ['InvalidArgument', "'x' is no destination.", rule, 'deadLetter'],
  ])('%s: %s', (code, message, d, want) => expect(fieldOf({ code, message }, d)).toBe(want));
});
