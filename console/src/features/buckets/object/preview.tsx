import { useQuery } from '@tanstack/react-query';
import { Button, Spin } from 'antd';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { objectPath, send } from '../../../shared/api';
import { bytes } from '../../../shared/format';
import { Problem } from '../../../shared/ui';
import type { ObjectInfo } from '../api';
import { kindOf } from '../objects/names';
import { KindIcon } from '../parts';

const textUpTo = 256 << 10; // bytes shown of a text
const imageUpTo = 20 << 20; // bytes of an image that is shown without being asked for

// Browsers do not show these; the server makes them ones that they do.
const foreign = /^image\/(tiff|heic|heif|bmp)|\.(tiff?|heic|heif)$/i;

/** Preview shows an object without letting it do anything: never as a page of its own. */
export function Preview({ bucket, objectKey: key, info }: { bucket: string; objectKey: string; info: ObjectInfo }) {
  const { t } = useTranslation('buckets');
  const [anyway, setAnyway] = useState(false);
  const [broken, setBroken] = useState(false);
  const kind = kindOf(key, info.contentType);
  const version = `v=${encodeURIComponent(info.etag)}`;
  const src = `${objectPath(bucket, key)}?${version}`;
  const none = (text: string, more?: ReactNode) => (
    <div className="preview preview-none">
      <KindIcon kind={kind} />
      <span className="dim">{text}</span>
      {more}
    </div>
  );
  if (key.endsWith('/') && info.size === 0) return none(t('preview.folder'));
  if (info.size === 0) return none(t('preview.empty'));
  if (kind === 'image' || kind === 'svg') {
    if (info.size > imageUpTo && !anyway) {
      return none(t('preview.large', { size: bytes(info.size) }), <Button size="small" onClick={() => setAnyway(true)}>{t('preview.anyway')}</Button>);
    }
    if (broken) return none(t('preview.broken'));
    const shown = foreign.test(info.contentType) || foreign.test(key) ? `${objectPath(bucket, key)}?x-oss-process=image/resize,l_1600/format,png&${version}` : src;
    return (
      <div className="preview preview-image">
        <img src={shown} alt={t('preview.of', { key })} onError={() => setBroken(true)} />
      </div>
    );
  }
  if (kind === 'video') {
    return (
      <div className="preview">
        <video controls preload="metadata" src={src} aria-label={t('preview.of', { key })} />
      </div>
    );
  }
  if (kind === 'audio') {
    return (
      <div className="preview preview-audio">
        <audio controls preload="metadata" src={src} aria-label={t('preview.of', { key })} />
      </div>
    );
  }
  if (kind === 'text') return <Text bucket={bucket} objectKey={key} info={info} />;
  return none(t('preview.none'));
}

function Text({ bucket, objectKey: key, info }: { bucket: string; objectKey: string; info: ObjectInfo }) {
  const { t } = useTranslation('buckets');
  const q = useQuery({
    queryKey: ['buckets', bucket, 'object', key, 'text', info.etag],
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const r = await send(objectPath(bucket, key), { signal, headers: info.size > textUpTo ? { Range: `bytes=0-${textUpTo - 1}` } : {} });
      const type = /charset=["']?([\w-]+)/i.exec(info.contentType)?.[1] ?? 'utf-8';
      const data = await r.arrayBuffer();
      try {
        return new TextDecoder(type).decode(data);
      } catch {
        return new TextDecoder().decode(data); // no browser knows that charset
      }
    },
  });
  if (q.error && !q.data) return <Problem error={q.error} retry={() => void q.refetch()} />;
  if (q.data === undefined) return <Spin />;
  return (
    <div className="preview preview-text">
      <pre tabIndex={0} role="region" aria-label={t('preview.of', { key })}>
        {q.data}
      </pre>
      {info.size > textUpTo && <div className="dim preview-note">{t('preview.first', { size: bytes(textUpTo), of: bytes(info.size) })}</div>}
    </div>
  );
}
