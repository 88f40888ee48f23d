import type { Node, Trace } from '../../api/gen';

/** Branch is a node of a trace with what it caused. */
export interface Branch {
  node: Node;
  trigger?: string;
  kind?: string;
  mark?: string;
  children: Branch[];
}

/** treeOf hangs a trace's nodes under their parents, in their order. */
export function treeOf(trace: Trace): Branch[] {
  const edges = new Map((trace.edges ?? []).map((e) => [e.to, e]));
  const all = new Map<string, Branch>();
  const roots: Branch[] = [];
  for (const node of trace.nodes ?? []) {
    const e = edges.get(node.id);
    const b: Branch = { node, trigger: e?.trigger, kind: e?.kind, mark: e?.mark, children: [] };
    all.set(node.id, b);
    const parent = node.parent ? all.get(node.parent) : undefined;
    (parent ? parent.children : roots).push(b);
  }
  return roots;
}

/** idle is the id of the event that a trace was asked for, if it owes no run: a lone box then says too little. */
export function idle(trace: Trace): string | undefined {
  const node = trace.nodes?.find((n) => n.id === trace.focus);
  if (!node?.event || node.hidden || node.missing || trace.edges?.some((e) => e.from === node.id)) return undefined;
  return bare(node.id);
}

/** Search of /trace. */
export interface Focus {
  bucket?: string;
  key?: string;
  event?: string;
  run?: string;
}

/** lookFor reads what somebody typed or pasted: a request id, an event's id, or BUCKET/KEY. */
export function lookFor(text: string): Focus | undefined {
  const v = text.trim().replace(/^oss:\/\//, '');
  if (/^1-[0-9a-f]{8}-/i.test(v)) return { run: v };
  if (/^[0-9a-f]+(-[0-9a-f]+)?$/.test(v)) return { event: v };
  const m = /^([a-z0-9][a-z0-9-]{1,61}[a-z0-9])\/(.+)$/s.exec(v);
  return m ? { bucket: m[1], key: m[2] } : undefined;
}

/** bare is a node's id without its kind. */
export const bare = (id: string) => id.slice(id.indexOf(':') + 1);

/** To is where a node leads to. */
export type To = { page: 'event'; id: string; run?: string } | { page: 'trace'; focus: Focus & { fan?: string } } | { page: 'logs'; function: string; request: string };

/** targetOf is the page of a node; undefined if it has none. */
export function targetOf(node: Node, parents: ReadonlyMap<string, Node>): To | undefined {
  if (node.hidden) return undefined;
  const parent = node.parent ? parents.get(node.parent) : undefined;
  switch (node.kind) {
    case 'event':
      return node.missing ? undefined : { page: 'event', id: bare(node.id) };
    case 'run': {
      if (node.missing || !node.run) return undefined;
      const event = parent?.kind === 'event' && !parent.missing && !parent.hidden ? bare(parent.id) : node.run.last?.eventId;
      return event ? { page: 'event', id: event, run: node.run.requestId } : { page: 'logs', function: node.run.function, request: node.run.requestId };
    }
    case 'more':
      if (!parent || parent.hidden) return undefined;
      return { page: 'trace', focus: { [parent.kind]: bare(parent.id), fan: '100' } };
  }
  return undefined;
}
