import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { objectPath } from '../../../shared/api';
import { md5 } from './md5';
import { crumbs, extensionOf, folderOf, keyProblem, kindOf, nameOf } from './names';
import { deleteBody } from './remove';

describe('md5', () => {
  it.each([0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 1000, 100_003])('of %i bytes', (n) => {
    const data = Uint8Array.from({ length: n }, (_, i) => (i * 31 + (i >> 8)) & 255);
    expect(md5(data)).toBe(createHash('md5').update(data).digest('base64'));
  });
});

describe('names', () => {
  it('splits keys', () => {
    expect([folderOf('a/b/c.png'), nameOf('a/b/c.png')]).toEqual(['a/b/', 'c.png']);
    expect([folderOf('a/b/'), nameOf('a/b/')]).toEqual(['a/', 'b/']);
    expect([folderOf('c'), nameOf('c')]).toEqual(['', 'c']);
    expect(crumbs('a/b/')).toEqual([{ name: 'a', prefix: 'a/' }, { name: 'b', prefix: 'a/b/' }]);
    expect(crumbs('a//')).toEqual([{ name: 'a', prefix: 'a/' }, { name: '', prefix: 'a//' }]);
    expect(crumbs('')).toEqual([]);
  });
  it.each([['a.PNG', 'png'], ['.env', ''], ['a.', ''], ['d.e/f', '']])('extension of %s', (k, e) => expect(extensionOf(k)).toBe(e));
  it.each([
    ['a.png', '', 'image'], ['a.png', 'text/plain', 'text'], ['a', 'image/svg+xml', 'svg'], ['a.svg', 'application/octet-stream', 'svg'], ['a.json', 'application/json; charset=utf-8', 'text'],
    ['a', 'application/vnd.x+json', 'text'], ['a.html', 'text/html', 'text'], ['a.mp4', '', 'video'], ['a.zip', 'application/zip', 'archive'], ['a.bin', '', 'other'],
  ])('%s of type %s is %s', (k, type, want) => expect(kindOf(k, type)).toBe(want));
  it('says what cannot be a key', () => {
    expect([keyProblem('a'), keyProblem(''), keyProblem('/a'), keyProblem('\\a'), keyProblem('ü'.repeat(512)), keyProblem('a\0'), keyProblem('..'), keyProblem('a/../b')]).toEqual([undefined, 'empty', 'slash', 'slash', 'long', 'zero', 'dots', undefined]);
  });
});

describe('paths', () => {
  it.each([
    ['a/b c.txt', '/oss/b/a/b%20c.txt'], ['a//b', '/oss/b/a%2F%2Fb'], ['a/../b', '/oss/b/a%2F..%2Fb'], ['a/./b', '/oss/b/a%2F.%2Fb'], ['a/..', '/oss/b/a%2F..'], ['./a', '/oss/b/.%2Fa'], ['a/', '/oss/b/a/'],
    ['.a/..b/c.', '/oss/b/.a/..b/c.'], ['a/b.', '/oss/b/a/b.'],
  ])('of %s', (key, path) => {
    expect(objectPath('b', key)).toBe(path);
    expect(decodeURIComponent(new URL(path, 'http://x').pathname)).toBe('/oss/b/' + key); // as a browser asks
  });
});

describe('deleting many', () => {
  it('escapes keys', () => expect(deleteBody(['a&b<c>\n'])).toContain('<Key>a&amp;b&lt;c&gt;&#xA;</Key>'));
});
