import { expect, it } from 'vitest';
import type { Trace } from '../../api/gen';
import { boxHeight, boxWidth, placed } from './layout';

function tree(fan: number, runs: number): Trace {
  const t: Trace = { focus: 'event:0', root: 'event:0', nodes: [{ id: 'event:0', kind: 'event', level: 0 }], edges: [] };
  for (let r = 0; r < runs; r++) {
    t.nodes!.push({ id: `run:${r}`, kind: 'run', parent: 'event:0', level: 1 });
    t.edges!.push({ from: 'event:0', to: `run:${r}`, kind: 'owes' });
    for (let i = 0; i < fan; i++) {
      t.nodes!.push({ id: `event:${r}.${i}`, kind: 'event', parent: `run:${r}`, level: 2 });
      t.edges!.push({ from: `run:${r}`, to: `event:${r}.${i}`, kind: 'wrote' });
    }
  }
  return t;
}

it('puts effects to the right of causes, and nothing over anything', () => {
  const trace = tree(9, 20); // 201 nodes, as many as a trace has
  const at = placed(trace);
  for (const e of trace.edges!) expect(at.get(e.to)!.x).toBeGreaterThan(at.get(e.from)!.x + boxWidth);
  const all = [...at.values()];
  const over = all.filter((a, i) => all.some((b, j) => j > i && Math.abs(a.x - b.x) < boxWidth && Math.abs(a.y - b.y) < boxHeight));
  expect(over).toEqual([]);
});

it('keeps siblings in their order, from the top', () => {
  const at = placed(tree(3, 4));
  const ys = [0, 1, 2, 3].flatMap((r) => [0, 1, 2].map((i) => at.get(`event:${r}.${i}`)!.y));
  expect(ys).toEqual(ys.toSorted((a, b) => a - b));
  expect(ys[0]).toBe(0);
});

it('breaks a long chain into rows', () => {
  const t: Trace = { focus: '0', root: '0', nodes: [], edges: [] };
  for (let i = 0; i < 33; i++) {
    t.nodes!.push({ id: String(i), kind: i % 2 ? 'run' : 'event', level: i });
    if (i) t.edges!.push({ from: String(i - 1), to: String(i), kind: 'owes' });
  }
  const at = [...placed(t).values()];
  const width = Math.max(...at.map((p) => p.x)) + boxWidth;
  const height = Math.max(...at.map((p) => p.y)) + boxHeight;
  expect(width / height).toBeGreaterThan(1);
  expect(width / height).toBeLessThan(4);
  expect(new Set(at.map((p) => `${p.x} ${p.y}`)).size).toBe(33);
});
