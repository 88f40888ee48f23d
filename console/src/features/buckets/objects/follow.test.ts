import { expect, it } from 'vitest';
import type { Item } from '../../../shared/oss';
import { agrees, type Seen } from './follow';

const item = (key: string, etag: string, modified: string) => ({ key, etag, modified: Date.parse(modified), size: 1 }) as Item;
const seen: Seen = { prefix: 'in/', entries: new Map<string, Item | undefined>([['in/a.png', item('in/a.png', 'A1', '2026-01-01T00:00:05Z')], ['in/deep/', undefined]]) };
const event = (type: string, key: string, eTag = 'A1', time = '2026-01-01T00:00:05.300Z') => ({ type, key, eTag, time });

it.each([
  ['the list shows it', event('ObjectCreated:PutObject', 'in/a.png'), true],
  ['written again', event('ObjectCreated:PutObject', 'in/a.png', 'B2'), false],
  ['written again with the same content', event('ObjectCreated:PutObject', 'in/a.png', 'A1', '2026-01-01T00:00:06Z'), false],
  ['new', event('ObjectCreated:PostObject', 'in/b.png'), false],
  ['gone', event('ObjectRemoved:DeleteObject', 'in/a.png'), false],
  ['gone, as in the list', event('ObjectRemoved:DeleteObject', 'in/b.png'), true],
  ['new in a folder that is there', event('ObjectCreated:PutObject', 'in/deep/x/y'), true],
  ['the first in a folder', event('ObjectCreated:PutObject', 'in/other/x'), false],
  ['gone in a folder, which may have been the last', event('ObjectRemoved:DeleteObject', 'in/deep/x'), false],
  ['the folder itself', event('ObjectCreated:PutObject', 'in/'), true],
  ['elsewhere', event('ObjectCreated:PutObject', 'out/b.png'), true],
  ['no object yet', event('ObjectCreated:UploadPart', 'in/b.png'), true],
] as const)('%s', (_, e, want) => expect(agrees(e, seen)).toBe(want));

it('says nothing of what was not read yet', () => {
  const part = { ...seen, until: 'in/deep/' };
  expect(agrees(event('ObjectCreated:PutObject', 'in/z.png'), part)).toBe(true);
  expect(agrees(event('ObjectCreated:PutObject', 'in/b.png'), part)).toBe(false);
});
