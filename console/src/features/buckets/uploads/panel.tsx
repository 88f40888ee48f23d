import {
  CheckCircleFilled, CloseCircleFilled, CloseOutlined, DisconnectOutlined, DownOutlined, FieldTimeOutlined, ForwardOutlined, PauseCircleOutlined, PauseOutlined, PlayCircleOutlined, RedoOutlined,
  SyncOutlined, UpOutlined,
} from '@ant-design/icons';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Button, Tooltip } from 'antd';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { bytes, count, duration } from '../../../shared/format';
import { sayUploading } from '../../../shared/uploading';
import { nameOf } from '../objects/names';
import { Bar } from '../parts';
import type { State, Upload } from './engine';
import { restore, uploads, useUploads } from './queue';
import './panel.css';

const icons: Record<State, ReactNode> = {
  waiting: <FieldTimeOutlined />, uploading: <SyncOutlined spin />, paused: <PauseCircleOutlined />, failed: <CloseCircleFilled />, done: <CheckCircleFilled />, skipped: <ForwardOutlined />,
  detached: <DisconnectOutlined />,
};

/** UploadPanel is the queue, docked to the window's corner whatever page is shown. */
export default function UploadPanel() {
  const { t } = useTranslation('buckets');
  const q = useUploads();
  const [ready, setReady] = useState(false);
  const [open, setOpen] = useState(true);
  useEffect(() => void restore().then(() => setTimeout(() => setReady(true), 300)), []);
  const empty = q.uploads.length === 0 && q.finished === 0;
  useEffect(() => {
    const now = uploads.snapshot(); // what is shown lags behind it
    if (ready && empty && now.uploads.length === 0 && now.finished === 0) sayUploading(false);
  }, [ready, empty]);

  const box = useRef<HTMLDivElement>(null);
  // What failed stands first: among thousands it would not be found.
  const list = useMemo(() => (q.uploads.some((u) => u.state === 'failed') ? [...q.uploads.filter((u) => u.state === 'failed'), ...q.uploads.filter((u) => u.state !== 'failed')] : q.uploads), [q.uploads]);
  const v = useVirtualizer({ count: list.length, getScrollElement: () => box.current, estimateSize: () => 58, overscan: 6 });
  if (empty) return null;
  const of = (state: State) => q.uploads.reduce((n, u) => n + (u.state === state ? 1 : 0), 0);
  const [failed, paused, detached, skipped] = [of('failed'), of('paused'), of('detached'), of('skipped')];
  const left = of('waiting') + of('uploading');
  const title = q.active
    ? t('queue.active', { n: count(q.finished), of: count(q.finished + left + paused + failed) })
    : failed > 0
      ? t('queue.failed', { count: failed, n: count(failed) })
      : paused > 0
        ? t('queue.paused', { count: paused, n: count(paused) })
        : detached > 0
          ? t('queue.detached', { count: detached, n: count(detached) })
          : t('queue.finished', { count: q.finished, n: count(q.finished) });
  return (
    <section className={'uploads' + (open ? '' : ' folded')} aria-label={t('queue.title')}>
      <header className="uploads-head">
        <b role="status" className="clip">
          {title}
        </b>
        <span className="grow" />
        {q.active && <Icon label={t('queue.pauseAll')} icon={<PauseOutlined />} onClick={() => uploads.pause()} />}
        {!q.active && paused + failed > 0 && <Icon label={t('queue.resumeAll')} icon={<PlayCircleOutlined />} onClick={() => uploads.resume()} />}
        <Icon label={open ? t('queue.fold') : t('queue.unfold')} icon={open ? <DownOutlined /> : <UpOutlined />} onClick={() => setOpen(!open)} />
        {!q.active && paused + failed + detached === 0 && <Icon label={t('common:close')} icon={<CloseOutlined />} onClick={() => uploads.clearFinished()} />}
      </header>
      {(q.active || paused > 0) && (
        <div className="uploads-sum">
          <Bar done={q.sent} of={q.total} label={t('queue.title')} state={q.active ? undefined : 'paused'} />
          <div className="dim uploads-numbers">
            <span>
              {bytes(q.sent)} / {bytes(q.total)}
            </span>
            {q.active && q.speed > 0 && (
              <span>
                {t('queue.speed', { speed: bytes(Math.round(q.speed)) })} · {t('queue.left', { time: duration(((q.total - q.sent) / q.speed) * 1e9) })}
              </span>
            )}
          </div>
        </div>
      )}
      {failed > 0 && (q.active || failed > 1) && (
        <div className="uploads-failed">
          <span role="status">{t('queue.someFailed', { count: failed, n: count(failed) })}</span>
          <Button size="small" icon={<RedoOutlined />} onClick={() => uploads.retryFailed()}>
            {t('queue.retryFailed')}
          </Button>
        </div>
      )}
      {open && (
        <div className="uploads-list" ref={box} tabIndex={0} role="list" aria-label={t('queue.files')}>
          <div style={{ height: v.getTotalSize() }} className="uploads-body" role="presentation">
            {v.getVirtualItems().map((r) => {
              const u = list[r.index];
              return u && <Line key={u.id} u={u} at={r.start} measure={v.measureElement} index={r.index} />;
            })}
          </div>
        </div>
      )}
      {open && (q.finished > of('done') || skipped > 0) && (
        <footer className="uploads-foot dim">
          {q.finished > of('done') && t('queue.earlier', { count: q.finished - of('done'), n: count(q.finished - of('done')) })}
          {skipped > 0 && ' ' + t('queue.skipped', { count: skipped, n: count(skipped) })}
        </footer>
      )}
    </section>
  );
}

function Icon({ label, icon, onClick }: { label: string; icon: ReactNode; onClick: () => void }) {
  return (
    <Tooltip title={label}>
      <Button type="text" size="small" aria-label={label} icon={icon} onClick={onClick} />
    </Tooltip>
  );
}

function Line({ u, at, index, measure }: { u: Upload; at: number; index: number; measure: (e: HTMLElement | null) => void }) {
  const { t } = useTranslation('buckets');
  const again = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState('');
  const name = nameOf(u.key);
  const choose = (file: File | undefined) => {
    if (!file) return;
    if (file.size !== u.size || file.lastModified !== u.lastModified) {
      setWrong(t('queue.another', { size: bytes(u.size), was: bytes(file.size) }));
      return;
    }
    uploads.add(u.bucket, [{ key: u.key, file, lastModified: file.lastModified, type: u.type }]);
  };
  return (
    <div role="listitem" className={`upload upload-${u.state}`} data-state={u.state} data-key={u.key} data-index={index} ref={measure} style={{ transform: `translateY(${at}px)` }}>
      <span className="upload-icon" aria-hidden>
        {icons[u.state]}
      </span>
      <div className="upload-main">
        <div className="upload-name">
          <span className="clip" title={`${u.bucket}/${u.key}`}>
            {name}
          </span>
        </div>
        {(u.state === 'uploading' || (u.state === 'paused' && u.sent > 0)) && <Bar done={u.sent} of={u.size} label={t('queue.of', { name })} state={u.state} />}
        <div className={'upload-words ' + (u.state === 'failed' || wrong ? 'bad' : 'dim')}>
          {wrong ||
            (u.state === 'failed'
              ? u.error
              : u.state === 'detached'
                ? t('queue.again')
                : u.state === 'uploading' || u.state === 'paused'
                  ? `${t(`state.${u.state}`)} · ${bytes(u.sent)} / ${bytes(u.size)}`
                  : `${t(`state.${u.state}`)} · ${bytes(u.size)}`)}
          {u.state === 'done' && (
            <>
              {' · '}
              <Link to="/trace" search={{ bucket: u.bucket, key: u.key }}>
                {t('happened')}
              </Link>
            </>
          )}
        </div>
      </div>
      <span className="upload-do">
        {(u.state === 'uploading' || u.state === 'waiting') && <Icon label={t('queue.pauseOne', { name })} icon={<PauseOutlined />} onClick={() => uploads.pause(u.id)} />}
        {u.state === 'paused' && <Icon label={t('queue.resumeOne', { name })} icon={<PlayCircleOutlined />} onClick={() => uploads.resume(u.id)} />}
        {u.state === 'failed' && <Icon label={t('queue.retryOne', { name })} icon={<RedoOutlined />} onClick={() => uploads.resume(u.id)} />}
        {u.state === 'detached' && (
          <>
            <Button size="small" onClick={() => again.current?.click()}>
              {t('queue.choose')}
            </Button>
            <input ref={again} type="file" hidden aria-label={t('queue.chooseOne', { name })} onChange={(e) => { const f = e.target.files?.[0]; e.target.value = ''; choose(f); }} />
          </>
        )}
        {u.state !== 'done' && <Icon label={t('queue.removeOne', { name })} icon={<CloseOutlined />} onClick={() => uploads.remove(u.id)} />}
      </span>
    </div>
  );
}
