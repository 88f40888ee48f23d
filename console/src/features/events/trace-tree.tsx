import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Node, Trace } from '../../api/gen';
import { Time } from '../../shared/ui';
import { shortType } from './area';
import { targetOf, treeOf, type Branch } from './lineage';
import { NodeFace, NodeLink } from './trace-node';

/** TraceTree is the graph as an indented list, for the keyboard, screen readers and phones. */
export function TraceTree({ trace }: { trace: Trace }) {
  const { t } = useTranslation('events');
  const roots = useMemo(() => treeOf(trace), [trace]);
  const all = useMemo(() => new Map((trace.nodes ?? []).map((n) => [n.id, n])), [trace]);
  return (
    <div className="card lineage-list">
      <ul aria-label={t('lineage')}>
        {roots.map((b) => (
          <Item key={b.node.id} b={b} focus={trace.focus} all={all} />
        ))}
      </ul>
    </div>
  );
}

function Item({ b, focus, all }: { b: Branch; focus: string; all: Map<string, Node> }) {
  const { t } = useTranslation('events');
  const { node } = b;
  const at = node.event ? Date.parse(node.event.time) : node.run?.last ? node.run.last.startedAtUnixMicro / 1000 : undefined;
  return (
    <li>
      <div className={'tree-line' + (node.id === focus ? ' focus' : '')} aria-current={node.id === focus ? 'true' : undefined}>
        <NodeLink to={targetOf(node, all)} className="tree-link">
          <NodeFace node={node} size={32} />
        </NodeLink>
        <span className="dim tree-how">
          {[
            b.kind && t(`edge.${b.kind}`) + (b.trigger ? ' ' + b.trigger : ''),
            node.event && (shortType(node.event.type) || t(`mark.${node.event.mark}`)),
            b.mark && t(`mark.${b.mark}`),
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
        {at !== undefined && (
          <span className="dim tree-time">
            <Time at={at} />
          </span>
        )}
      </div>
      {b.children.length > 0 && (
        <ul>
          {b.children.map((c) => (
            <Item key={c.node.id} b={c} focus={focus} all={all} />
          ))}
        </ul>
      )}
    </li>
  );
}
