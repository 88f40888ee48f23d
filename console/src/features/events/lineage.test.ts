import { expect, it } from 'vitest';
import type { Node, Trace } from '../../api/gen';
import { idle, lookFor, targetOf, treeOf } from './lineage';

const node = (id: string, kind: string, parent?: string, more: Partial<Node> = {}): Node => ({ id, kind, parent, level: 0, ...more });

const run = (requestId: string) => ({ requestId, function: 'f', state: 'Succeeded', attempts: 1 });
const trace: Trace = {
  focus: 'event:1', root: 'event:1',
  nodes: [node('event:1', 'event'), node('run:r', 'run', 'event:1', { run: run('r') }), node('event:2', 'event', 'run:r'), node('more:event:run:r', 'more', 'run:r', { count: 480, of: 'event' })],
  edges: [
    { from: 'event:1', to: 'run:r', kind: 'owes', trigger: 'on-upload' },
    { from: 'run:r', to: 'event:2', kind: 'wrote' },
    { from: 'run:r', to: 'more:event:run:r', kind: 'wrote' },
  ],
};

it('hangs nodes under what caused them', () => {
  const [root] = treeOf(trace);
  expect(root!.node.id).toBe('event:1');
  expect(root!.children[0]!.trigger).toBe('on-upload');
  expect(root!.children[0]!.children.map((c) => c.node.kind)).toEqual(['event', 'more']);
});

it('leads from a node to its page', () => {
  const all = new Map(trace.nodes!.map((n) => [n.id, n]));
  expect(targetOf(all.get('event:2')!, all)).toEqual({ page: 'event', id: '2' });
  expect(targetOf(all.get('run:r')!, all)).toEqual({ page: 'event', id: '1', run: 'r' });
  expect(targetOf(all.get('more:event:run:r')!, all)).toEqual({ page: 'trace', focus: { run: 'r', fan: '100' } });
  expect(targetOf(node('run:x', 'run', undefined, { run: run('x') }), all)).toEqual({ page: 'logs', function: 'f', request: 'x' });
  expect(targetOf(node('event:9', 'event', undefined, { missing: true }), all)).toBeUndefined();
  expect(targetOf(node('event:9', 'event', undefined, { hidden: true }), all)).toBeUndefined();
});

it('understands what is typed', () => {
  expect(lookFor(' 1-5fca12ab-0001 ')).toEqual({ run: '1-5fca12ab-0001' });
  expect(lookFor('3f2a-00ff')).toEqual({ event: '3f2a-00ff' });
  expect(lookFor('oss://photos/in/a b.png')).toEqual({ bucket: 'photos', key: 'in/a b.png' });
  expect(lookFor('photos')).toBeUndefined();
  expect(lookFor('')).toBeUndefined();
});

it('knows the event that a trace is about and of which nothing came', () => {
  const event = (id: string) => ({ id: 'event:' + id, kind: 'event', level: 0, event: { id, type: 'ObjectCreated:PutObject', time: '', bucket: 'b', key: 'k', size: 0, deltaSize: 0 } });
  expect(idle({ focus: 'event:2', root: 'run:1', nodes: [{ id: 'run:1', kind: 'run', level: -1 }, event('2')], edges: [{ from: 'run:1', to: 'event:2', kind: 'wrote' }] })).toBe('2');
  expect(idle({ focus: 'event:2', root: 'event:2', nodes: [event('2'), { id: 'run:3', kind: 'run', level: 1, hidden: true }], edges: [{ from: 'event:2', to: 'run:3', kind: 'owes' }] })).toBeUndefined();
  expect(idle({ focus: 'run:1', root: 'run:1', nodes: [{ id: 'run:1', kind: 'run', level: 0 }], edges: [] })).toBeUndefined();
});
