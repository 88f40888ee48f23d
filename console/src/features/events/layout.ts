import { graphlib, layout } from '@dagrejs/dagre';
import type { Trace } from '../../api/gen';

export const boxWidth = 236;
export const boxHeight = 64;

const ranksep = 110;
const rowGap = 56;

export type Places = Map<string, { x: number; y: number }>;

// The tree of causes is ranked as well by a tight tree as by the network simplex, which
// takes twice as long.

/** placed are the upper left corners of a trace's nodes, causes to the left of effects. */
export function placed(trace: Trace): Places {
  const g = new graphlib.Graph();
  g.setGraph({ rankdir: 'LR', nodesep: 18, ranksep, ranker: 'tight-tree' });
  g.setDefaultEdgeLabel(() => ({}));
  for (const n of trace.nodes ?? []) g.setNode(n.id, { width: boxWidth, height: boxHeight });
  for (const e of trace.edges ?? []) g.setEdge(e.from, e.to);
  layout(g);
  const nodes = g.nodes().map((id) => ({ id, ...(g.node(id) as { x: number; y: number }) }));
  // It puts the first of siblings at the bottom; they are read from the top.
  const bottom = nodes.reduce((n, { y }) => Math.max(n, y), 0);
  const at: Places = new Map(nodes.map(({ id, x, y }) => [id, { x: x - boxWidth / 2, y: bottom - y }]));
  return folded(at);
}

const step = boxWidth + ranksep;

/** folded breaks a long chain into rows, as a text is broken into lines. */
export function folded(at: Places): Places {
  const ranks = 1 + Math.round(Math.max(0, ...[...at.values()].map((p) => p.x)) / step);
  const height = boxHeight + Math.max(0, ...[...at.values()].map((p) => p.y));
  // As many to a row as make the whole about twice as wide as high.
  const per = Math.max(4, Math.round(Math.sqrt((2 * ranks * (height + rowGap)) / step)));
  if (ranks <= per + 2) return at;
  return new Map(
    [...at].map(([id, p]) => {
      const rank = Math.round(p.x / step);
      return [id, { x: (rank % per) * step, y: p.y + Math.floor(rank / per) * (height + rowGap) }];
    }),
  );
}
