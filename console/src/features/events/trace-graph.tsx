import { Background, Controls, Handle, MarkerType, Position, ReactFlow, useReactFlow, ReactFlowProvider, type Edge, type Node as FlowNode, type NodeProps } from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { memo, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Node, Trace } from '../../api/gen';
import { useSettings } from '../../app/settings';
import { Loading } from '../../app/shell';
import { told } from '../../shared/states';
import { shortType } from './area';
import { boxHeight, boxWidth, placed, type Places } from './layout';
import { targetOf, type To } from './lineage';
import { NodeFace, NodeLink } from './trace-node';

type Box = FlowNode<{ node: Node; to: To | undefined; focus: boolean; left: boolean; right: boolean }, 'box'>;

const BoxNode = memo(function BoxNode({ data }: NodeProps<Box>) {
  const { node, to, focus, left, right } = data;
  const state = node.run && told(node.run.state, node.run.reason);
  const look = state === 'LoopStopped' ? ' looped' : state && ['Failed', 'Invalid', 'Expired'].includes(state) ? ' bad' : '';
  return (
    <div className={`box box-${node.kind}${focus ? ' focus' : ''}${look}`}>
      {left && <Handle type="target" position={Position.Left} isConnectable={false} />}
      <NodeLink to={to} className="box-link">
        <NodeFace node={node} />
      </NodeLink>
      {right && <Handle type="source" position={Position.Right} isConnectable={false} />}
    </div>
  );
});

const nodeTypes = { box: BoxNode };

/** TraceGraph draws a trace; the list next door says the same. low leaves room for what stands below it. */
export function TraceGraph({ trace, low }: { trace: Trace; low: boolean }) {
  return (
    <ReactFlowProvider>
      <Graph trace={trace} low={low} />
    </ReactFlowProvider>
  );
}

function Graph({ trace, low }: { trace: Trace; low: boolean }) {
  const { t } = useTranslation('events');
  const { dark } = useSettings();
  const flow = useReactFlow();
  const shape = (trace.nodes ?? []).map((n) => n.id).join(' ');
  const at = usePlaces(trace, shape);
  const nodes = useMemo<Box[]>(() => {
    const all = new Map((trace.nodes ?? []).map((n) => [n.id, n]));
    const parents = new Set((trace.edges ?? []).map((e) => e.from));
    return (trace.nodes ?? []).map((node) => ({
      id: node.id, type: 'box', position: at?.get(node.id) ?? { x: 0, y: 0 }, width: boxWidth, height: boxHeight,
      data: { node, to: targetOf(node, all), focus: node.id === trace.focus, left: !!node.parent, right: parents.has(node.id) },
    }));
  }, [trace, at]);
  const edges = useMemo<Edge[]>(() => {
    const types = new Map((trace.nodes ?? []).map((n) => [n.id, n.event?.type]));
    return (trace.edges ?? []).map((e) => ({
        id: `${e.from}>${e.to}`, source: e.from, target: e.to,
        type: 'smoothstep',
        label: e.mark ? t(`mark.${e.mark}`) : short(e.trigger ?? unusual(types.get(e.to))),
        markerEnd: { type: MarkerType.ArrowClosed },
      }));
  }, [trace, t]);
  useEffect(() => {
    void flow.fitView({ padding: 0.1, maxZoom: 1 });
  }, [flow, at]);
  if (!at) return <Loading />;
  return (
    <div className={'graph' + (nodes.length === 1 ? ' lone' : low ? ' low' : '')} role="group" aria-label={t('graphOf', { n: nodes.length })}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        colorMode={dark ? 'dark' : 'light'}
        fitView
        fitViewOptions={{ padding: 0.1, maxZoom: 1 }}
        minZoom={0.08}
        maxZoom={1.6}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        onlyRenderVisibleElements={nodes.length > 100}
        proOptions={{ hideAttribution: true }}
        ariaLabelConfig={{ 'controls.ariaLabel': t('graph.controls'), 'controls.zoomIn.ariaLabel': t('graph.in'), 'controls.zoomOut.ariaLabel': t('graph.out'), 'controls.fitView.ariaLabel': t('graph.fit') }}
      >
        <Background gap={20} />
        <Controls showInteractive={false} position="bottom-right" />
      </ReactFlow>
    </div>
  );
}

// Most of what runs write are plain PutObjects: to say so on every edge would say nothing.
const unusual = (type = '') => (type === 'ObjectCreated:PutObject' ? '' : shortType(type));
const short = (name: string) => (name.length > 15 ? name.slice(0, 14) + '…' : name);

/** usePlaces lays a trace out; a large one in a worker, so that the page answers meanwhile. */
function usePlaces(trace: Trace, shape: string): Places | undefined {
  const small = (trace.nodes?.length ?? 0) <= 100;
  const here = useMemo(() => (small ? placed(trace) : undefined), [shape, small]); // states change, places do not
  const [there, setThere] = useState<Places>();
  useEffect(() => {
    if (small) return;
    const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', (e: MessageEvent<Places>) => setThere(e.data));
    worker.postMessage(trace);
    return () => worker.terminate();
  }, [shape, small]);
  return here ?? there;
}
