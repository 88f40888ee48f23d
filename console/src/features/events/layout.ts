import { graphlib, layout } from '@dagrejs/dagre';
import type { Trace } from '../../api/gen';

export const boxWidth = 236;
export const boxHeight = 64;

/** placed are the upper left corners of a trace's nodes, causes to the left of effects. */
export function placed(trace: Trace): Map<string, { x: number; y: number }> {
  const g = new graphlib.Graph();
  g.setGraph({ rankdir: 'LR', nodesep: 18, ranksep: 96 });
  g.setDefaultEdgeLabel(() => ({}));
  for (const n of trace.nodes ?? []) g.setNode(n.id, { width: boxWidth, height: boxHeight });
  for (const e of trace.edges ?? []) g.setEdge(e.from, e.to);
  layout(g);
  return new Map(
    g.nodes().map((id) => {
      const { x, y } = g.node(id) as { x: number; y: number };
      return [id, { x: x - boxWidth / 2, y: y - boxHeight / 2 }];
    }),
  );
}
