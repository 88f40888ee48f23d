import { DeleteOutlined, ReloadOutlined } from '@ant-design/icons';
import Delete from '@ant-design/icons-svg/es/asn/DeleteOutlined';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Modal, Popconfirm, Tag, Tooltip } from 'antd';
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf, Refusal } from '../../../shared/api';
import { bytes, count } from '../../../shared/format';
import { glyph } from '../../../shared/glyph';
import { MayButton, useMay, useResources } from '../../../shared/may';
import { RowButton, Rows, type Column } from '../../../shared/rows';
import { Nothing, Problem, Time } from '../../../shared/ui';
import { abortFragment, fragmentList, fragmentsAfter, fragmentSize, inTurns, keys, type Fragment } from '../api';
import { Bar } from '../parts';
import { useUploads } from '../uploads/queue';

const DeleteIcon = glyph(Delete);

/** FragmentsTab lists uploads in parts that were begun and not ended: they take up room. */
export function FragmentsTab({ bucket }: { bucket: string }) {
  const { t } = useTranslation('buckets');
  const client = useQueryClient();
  const list = useInfiniteQuery(fragmentList(bucket));
  const { uploads } = useUploads();
  const uploading = uploads.filter((u) => u.bucket === bucket && u.multipart && u.state !== 'done').map((u) => u.key);
  const items = useMemo(() => list.data?.pages.flatMap((p) => p.fragments) ?? [], [list.data]);
  const [aborting, setAborting] = useState<{ fragment: Fragment; button: HTMLElement }>();
  const [all, setAll] = useState(false);
  const anything = useResources().object(bucket, '');
  const may = useMay('oss:AbortMultipartUpload', anything, true);
  const [problem, setProblem] = useState<unknown>(null);
  const refresh = () => void client.invalidateQueries({ queryKey: keys.fragments(bucket) });
  const abort = async (f: Fragment) => {
    setProblem(null);
    try {
      await abortFragment(bucket, f);
    } catch (err) {
      if (!(err instanceof Refusal && err.code === 'NoSuchUpload')) setProblem(err);
    }
    refresh();
  };
  const columns = useMemo((): Column<Fragment>[] => {
    const here = new Set(uploading);
    return [
      {
        key: 'key', title: t('fragments.key'), width: '3fr',
        render: (f) => (
          <span className="object-name">
            <span className="clip" title={f.key}>
              {f.key}
            </span>
            {here.has(f.key) && <Tag color="processing">{t('fragments.here')}</Tag>}
          </span>
        ),
      },
      { key: 'id', title: 'Upload ID', width: '1.6fr', wide: true, render: (f) => <span className="mono dim" title={f.uploadId}>{f.uploadId}</span> },
      { key: 'initiated', title: t('fragments.initiated'), width: '130px', wide: true, render: (f) => <Time at={f.initiated} /> },
      { key: 'size', title: t('common:size'), width: '130px', end: true, render: (f) => <Size bucket={bucket} fragment={f} /> },
      {
        key: 'abort', title: <span className="off-screen">{t('common:actions')}</span>, width: '40px', end: true,
        render: (f) => may.allowed && (
          <RowButton label={t('fragments.abortOne', { key: f.key })} onClick={(e) => setAborting({ fragment: f, button: e.currentTarget })}>
            <DeleteIcon />
          </RowButton>
        ),
      },
    ];
    // What is uploaded here is a new list at each drawing; its text is not.
  }, [t, bucket, may.allowed, uploading.join('\n')]);
  if (list.error && items.length === 0) return <Problem error={list.error} retry={() => void list.refetch()} />;
  return (
    <>
      <div className="row gap-below">
        <span className="dim tab-lead">{t('fragments.lead')}</span>
        <Tooltip title={t('common:refresh')}>
          <Button icon={<ReloadOutlined />} aria-label={t('common:refresh')} onClick={refresh} loading={list.isRefetching} />
        </Tooltip>
        {items.length > 0 && (
          <MayButton action="oss:AbortMultipartUpload" resource={anything} some danger icon={<DeleteOutlined />} onClick={() => setAll(true)}>
            {t('fragments.abortAll')}
          </MayButton>
        )}
      </div>
      {problem !== null && (
        <div className="gap-below">
          <Problem error={problem} />
        </div>
      )}
      <Rows
        label={t('tab.fragments')}
        items={items}
        keyOf={(f) => f.uploadId}
        loading={list.isPending || list.isFetchingNextPage}
        more={list.hasNextPage}
        error={list.error}
        onMore={() => void list.fetchNextPage()}
        empty={<Nothing text={t('fragments.none')} />}
        columns={columns}
      />
      {aborting && <AbortOne key={aborting.fragment.uploadId} at={aborting.button} abort={() => void abort(aborting.fragment)} close={() => setAborting(undefined)} />}
      {all && <AbortAll bucket={bucket} close={() => (setAll(false), refresh())} />}
    </>
  );
}

/** AbortOne is the one question of all rows, at the button that asks it. */
function AbortOne({ at, abort, close }: { at: HTMLElement; abort: () => void; close: () => void }) {
  const { t } = useTranslation('buckets');
  const box = at.getBoundingClientRect();
  return (
    <Popconfirm
      open placement="bottomRight" title={t('fragments.sure')} description={t('fragments.why')} okText={t('fragments.abort')} okButtonProps={{ danger: true, autoFocus: true }}
      onConfirm={abort}
      onOpenChange={(open) => {
        if (open) return;
        close();
        at.focus();
      }}
    >
      <span className="menu-anchor" style={{ left: box.left, top: box.top, width: box.width, height: box.height }} />
    </Popconfirm>
  );
}

function Size({ bucket, fragment }: { bucket: string; fragment: Fragment }) {
  const { t } = useTranslation('buckets');
  const q = useQuery({ ...fragmentSize(bucket, fragment), retry: false });
  if (q.error) return <span className="dim">–</span>;
  return q.data ? <span title={t('fragments.parts', { count: q.data.parts, n: count(q.data.parts) })}>{bytes(q.data.size)}</span> : <span className="dim">…</span>;
}

function AbortAll({ bucket, close }: { bucket: string; close: () => void }) {
  const { t } = useTranslation('buckets');
  const [p, setP] = useState<{ done: number; of: number; failed: string[]; over: boolean } | null>(null);
  const stopped = useRef(false);
  const go = async () => {
    const now = { done: 0, of: 0, failed: [] as string[], over: false };
    setP({ ...now });
    try {
      let from: { key: string; id: string } | undefined = { key: '', id: '' };
      while (from && !stopped.current) {
        const page: Awaited<ReturnType<typeof fragmentsAfter>> = await fragmentsAfter(bucket, from);
        now.of += page.fragments.length;
        await inTurns(3, page.fragments, async (f) => {
          if (stopped.current) return;
          try {
            await abortFragment(bucket, f);
          } catch (err) {
            if (!(err instanceof Refusal && err.code === 'NoSuchUpload')) now.failed.push(`${f.key}: ${messageOf(err)}`);
          }
          now.done++;
          setP({ ...now });
        });
        from = page.next;
      }
    } catch (err) {
      now.failed.push(messageOf(err));
    }
    if (stopped.current) return; // closed already
    if (now.failed.length === 0) close();
    else setP({ ...now, over: true });
  };
  return (
    <Modal
      open title={t('fragments.abortAll')} okText={p ? t('common:close') : t('fragments.abortAll')} okButtonProps={{ danger: !p, loading: !!p && !p.over }}
      onOk={() => (p ? close() : void go())}
      onCancel={() => ((stopped.current = true), close())}
    >
      {p ? (
        <>
          <Bar done={p.done} of={p.of} label={t('fragments.abortAll')} />
          <p aria-live="polite">{t('fragments.progress', { n: count(p.done), of: count(p.of) })}</p>
          {p.failed.length > 0 && <Alert type="error" showIcon title={p.failed.slice(0, 5).map((f) => <div key={f}>{f}</div>)} />}
        </>
      ) : (
        <p>{t('fragments.allWhy')}</p>
      )}
    </Modal>
  );
}
