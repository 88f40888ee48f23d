import { describe, expect, it } from 'vitest';
import { build, partsOf, Trouble, type Parts } from './pattern';

const arn = 'acs:oss:cn-hangzhou:1:';
const parts = (p: Partial<Parts>): Parts => ({ buckets: [], prefixes: [], suffixes: [], events: [], ...p });

describe('a pattern', () => {
  it.each<[string, Partial<Parts>, unknown]>([
    ['everything', {}, { source: ['acs.oss'] }],
    [
      'prefixes and suffixes of a bucket', { buckets: ['b'], prefixes: ['in/', 'raw/'], suffixes: ['.png', '.jpg'], events: ['oss:ObjectCreated:PutObject'] },
      {
        source: ['acs.oss'], type: ['oss:ObjectCreated:PutObject'], subject: [{ prefix: `${arn}b/in/` }, { prefix: `${arn}b/raw/` }],
        data: { oss: { object: { key: [{ suffix: '.png' }, { suffix: '.jpg' }] } } },
      },
    ],
    ['one of two prefixes in one of two buckets', { buckets: ['a', 'b'], prefixes: ['x', 'y'] }, { source: ['acs.oss'], subject: ['a/x', 'a/y', 'b/x', 'b/y'].map((s) => ({ prefix: arn + s })) }],
    ['two buckets', { buckets: ['a', 'b'] }, { source: ['acs.oss'], data: { oss: { bucket: { name: ['a', 'b'] } } } }],
    ['suffixes in a bucket', { buckets: ['a'], suffixes: ['.png'] }, { source: ['acs.oss'], data: { oss: { bucket: { name: ['a'] }, object: { key: [{ suffix: '.png' }] } } } }],
    ['prefixes anywhere', { prefixes: ['x'] }, { source: ['acs.oss'], data: { oss: { object: { key: [{ prefix: 'x' }] } } } }],
    ['a group of events', { events: ['oss:ObjectCreated:*'] }, { source: ['acs.oss'], type: [{ prefix: 'oss:ObjectCreated:' }] }],
  ])('of %s is built and read again', (_, p, want) => {
    const b = build(arn, parts(p));
    expect(b).toEqual(want);
    expect(partsOf(arn, JSON.stringify(b, null, 2))).toEqual(parts(p));
  });

  it.each<[string, Partial<Parts>, keyof Parts]>([
    ['tooMany', { suffixes: ['1', '2', '3', '4', '5', '6'] }, 'suffixes'],
    ['product', { buckets: ['a', 'b', 'c'], prefixes: ['x', 'y'] }, 'prefixes'],
    ['noBucket', { prefixes: ['x'], suffixes: ['y'] }, 'buckets'],
    ['noKey', { events: ['oss:BucketCreated:PutBucket'], suffixes: ['y'] }, 'events'],
    ['slash', { prefixes: ['ok', '/x'] }, 'prefixes'],
  ])('is refused: %s', (reason, p, field) => {
    try {
      build(arn, parts(p));
      expect.unreachable();
    } catch (err) {
      expect(err).toBeInstanceOf(Trouble);
      expect(err).toMatchObject({ reason, field });
    }
  });

  it.each([
    '{', '[]', '{}', '{"source":["x"]}', '{"source":["acs.oss"],"subject":[{"suffix":"x"}]}', '{"source":["acs.oss"],"subject":[{"prefix":"elsewhere"}]}',
    '{"source":["acs.oss"],"data":{"oss":{"object":{"size":[{"numeric":[">",1]}]}}}}', '{"source":["acs.oss"],"data":{"oss":{"object":{"key":[{"suffix":"a"},{"prefix":"b"}]}}}}',
    // Not every pair of bucket and prefix.
    `{"source":["acs.oss"],"subject":[{"prefix":"${arn}a/x"},{"prefix":"${arn}b/y"}]}`,
  ])('that was written by hand stays so: %s', (text) => expect(partsOf(arn, text)).toBeNull());
});
