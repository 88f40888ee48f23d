import { describe, expect, it } from 'vitest';
import { openAtFirst, rows } from './tree';

describe('the tree', () => {
  const paths = ['index.js', 'lib/a.js', 'lib/deep/b.js', 'node_modules/x/index.js', 'empty/'];
  const shown = (open: (f: string) => boolean) => rows(paths, open).map((n) => '  '.repeat(n.depth) + n.name + (n.folder ? (n.open ? '/' : '…') : ''));
  it('shows folders first, and what open ones hold', () =>
    expect(shown(() => true)).toEqual(['empty/', 'lib/', '  deep/', '    b.js', '  a.js', 'node_modules/', '  x/', '    index.js', 'index.js']));
  it('leaves out what is installed, at first', () => expect(shown(openAtFirst)).toEqual(['empty/', 'lib/', '  deep/', '    b.js', '  a.js', 'node_modules…', 'index.js']));
  it('shows nothing of what is closed', () => expect(shown(() => false)).toEqual(['empty…', 'lib…', 'node_modules…', 'index.js']));
});
