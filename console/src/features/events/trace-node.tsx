import { FunctionOutlined } from '@ant-design/icons';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Node } from '../../api/gen';
import { count, duration } from '../../shared/format';
import { StatePill } from '../../shared/states';
import { Thumb } from '../../shared/thumb';
import { bare, type To } from './lineage';

/** NodeLink leads to a node's page. */
export function NodeLink({ to, children, className }: { to: To | undefined; children: ReactNode; className?: string }) {
  switch (to?.page) {
    case 'event':
      return (
        <Link to="/events/$id" params={{ id: to.id }} search={{ run: to.run }} className={className}>
          {children}
        </Link>
      );
    case 'trace':
      return (
        <Link to="/trace" search={(s) => ({ ...to.focus, view: s.view })} className={className}>
          {children}
        </Link>
      );
    case 'logs':
      return (
        <Link to="/functions/$name/{-$tab}" params={{ name: to.function, tab: 'logs' }} search={{ request: to.request }} className={className}>
          {children}
        </Link>
      );
  }
  return <span className={className}>{children}</span>;
}

/** NodeFace is what both views show of a node: two lines and a picture. */
export function NodeFace({ node, size = 40 }: { node: Node; size?: number }) {
  const { t } = useTranslation('events');
  if (node.hidden || node.missing) {
    return (
      <span className="face">
        <span className="face-text">
          <span className="face-name">{t(node.hidden ? 'node.hidden' : 'node.missing')}</span>
          <span className="dim clip mono">{bare(node.id)}</span>
        </span>
      </span>
    );
  }
  if (node.kind === 'more') {
    return (
      <span className="face">
        <span className="face-text">
          <span className="face-name">{t(node.of === 'event' ? 'node.moreEvents' : 'node.moreRuns', { n: count(node.count ?? 0) + ((node.count ?? 0) >= 1000 ? '+' : '') })}</span>
          <span className="dim clip">{t('node.open')}</span>
        </span>
      </span>
    );
  }
  if (node.run) {
    const last = node.run.last;
    return (
      <span className="face">
        <span className="thumb face-icon" style={{ width: size, height: size }}>
          <FunctionOutlined aria-hidden />
        </span>
        <span className="face-text">
          <span className="face-name clip" title={node.run.function}>
            {node.run.function}
          </span>
          <span className="face-second">
            <StatePill state={node.run.state} reason={node.run.reason} />
            {last && !last.fault && <span className="dim">{duration(last.durationNanos)}</span>}
          </span>
        </span>
      </span>
    );
  }
  const e = node.event!;
  const name = e.key ?? e.bucket;
  const at = name.lastIndexOf('/', name.length - 2);
  return (
    <span className="face" title={`${e.bucket}/${e.key ?? ''}`}>
      {e.key && <Thumb bucket={e.bucket} objectKey={e.key} contentType={e.contentType} size={size} version={e.eTag?.slice(0, 8)} />}
      <span className="face-text">
        <span className="face-name clip">{name.slice(at + 1)}</span>
        <span className="dim clip from-end">
          <bdi>
            {e.bucket}/{e.key && name.slice(0, at + 1)}
          </bdi>
        </span>
      </span>
    </span>
  );
}
