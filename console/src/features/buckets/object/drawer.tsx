import { DeleteOutlined, DownloadOutlined, SwapOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Drawer, Grid, Select, Tabs } from 'antd';
import { Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { Loading } from '../../../app/shell';
import { Facts } from '../../../shared/facts';
import { bytes, count } from '../../../shared/format';
import { lazy } from '../../../shared/lazy';
import { shown } from '../../../shared/middle';
import { MayButton, useResources } from '../../../shared/may';
import { isImage } from '../../../shared/thumb';
import { Copy, Problem, Time } from '../../../shared/ui';
import { downloadPath, objectInfo } from '../api';
import { kindOf, nameOf } from '../objects/names';
import { Preview } from './preview';

const Playground = lazy(() => import('./playground').then((m) => ({ default: m.Playground })));
const Metadata = lazy(() => import('./metadata').then((m) => ({ default: m.Metadata })));
const Share = lazy(() => import('./share').then((m) => ({ default: m.Share })));
const Happened = lazy(() => import('./happened').then((m) => ({ default: m.Happened })));

/** ObjectDrawer is one object: what it is, what can be made of it, and what happened to it. */
export function ObjectDrawer({ bucket, objectKey: key, close, remove, carry }: { bucket: string; objectKey: string; close: () => void; remove: () => void; carry: () => void }) {
  const { t } = useTranslation('buckets');
  const { view } = useSearch({ from: '/buckets/$name/{-$tab}' });
  const navigate = useNavigate({ from: '/buckets/$name/{-$tab}' });
  const wide = Grid.useBreakpoint().sm ?? true;
  const q = useQuery(objectInfo(bucket, key));
  const resources = useResources();
  const resource = resources.object(bucket, key);
  const o = q.data;
  const image = !!o && kindOf(key, o.contentType) === 'image' && isImage(key, o.contentType) && o.size <= 20 << 20;
  const items = o
    ? [
        {
          key: 'overview', label: t('object.overview'),
          children: (
            <>
              <Preview bucket={bucket} objectKey={key} info={o} />
              <Facts
                of={[
                  [t('common:size'), <span key="s" title={t('bytes', { n: count(o.size) })}>{bytes(o.size)}</span>],
                  [t('object.contentType'), o.contentType],
                  [t('common:modified'), <Time key="t" at={o.modified} exact />],
                  [t('object.kind'), o.kind !== 'Normal' && o.kind],
                  [t('object.storageClass'), o.storageClass],
                  ['ETag', <span key="e" className="copyable"><span className="mono">{o.etag}</span><Copy text={o.etag} label={t('copyETag')} /></span>],
                  ['CRC-64', o.crc64 && <span key="c" className="mono">{o.crc64}</span>],
                  [t('object.writtenBy'), o.run && <Link key="r" to="/trace" search={{ run: o.run }} className="mono">{o.run}</Link>],
                ]}
              />
            </>
          ),
        },
        ...(image ? [{ key: 'process', label: t('process.title'), children: <Lazily><Playground bucket={bucket} objectKey={key} info={o} /></Lazily> }] : []),
        { key: 'metadata', label: t('metadata.title'), children: <Lazily><Metadata bucket={bucket} objectKey={key} info={o} /></Lazily> },
        { key: 'share', label: t('share.title'), children: <Lazily><Share bucket={bucket} objectKey={key} /></Lazily> },
        { key: 'happened', label: t('happened'), children: <Lazily><Happened bucket={bucket} objectKey={key} /></Lazily> },
      ]
    : [];
  const tab = items.some((i) => i.key === view) ? view! : 'overview';
  const show = (v: string) => void navigate({ search: (s) => ({ ...s, view: v === 'overview' ? undefined : v }), replace: true });
  return (
    <Drawer
      open
      onClose={close}
      size={Math.min(tab === 'process' ? 1040 : 760, window.innerWidth)}
      title={
        <span className="object-title" title={key}>
          <span className="clip">{shown(nameOf(key))}</span>
          <Copy text={key} label={t('copyKey')} />
        </span>
      }
      className="object-drawer"
    >
      {q.isPending && <Loading />}
      {q.error && !o && <Problem error={q.error} retry={() => void q.refetch()} />}
      {o && (
        <>
          <div className="row gap-below object-does">
            <a className="button-link" href={downloadPath(bucket, key)} download={nameOf(key)}>
              <DownloadOutlined aria-hidden /> {t('download')}
            </a>
            <span className="grow" />
            <MayButton action="oss:PutObject" resource={resources.object(bucket, '')} some icon={<SwapOutlined />} onClick={carry}>
              {t('carry.do')}
            </MayButton>
            <MayButton action="oss:DeleteObject" resource={resource} danger icon={<DeleteOutlined />} onClick={remove}>
              {t('common:delete')}
            </MayButton>
          </div>
          {wide ? (
            <Tabs activeKey={tab} onChange={show} items={items} destroyOnHidden />
          ) : (
            <>
              <Select aria-label={t('object.view')} value={tab} onChange={show} options={items.map((i) => ({ value: i.key, label: i.label }))} className="view-select" />
              {items.find((i) => i.key === tab)?.children}
            </>
          )}
        </>
      )}
    </Drawer>
  );
}

function Lazily({ children }: { children: React.ReactNode }) {
  return <Suspense fallback={<Loading />}>{children}</Suspense>;
}
