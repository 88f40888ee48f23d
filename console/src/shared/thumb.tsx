import FileImageOutlined from '@ant-design/icons-svg/es/asn/FileImageOutlined';
import FileOutlined from '@ant-design/icons-svg/es/asn/FileOutlined';
import { useEffect, useState } from 'react';
import { objectPath } from './api';
import { glyph } from './glyph';
import './states.css';

const Picture = glyph(FileImageOutlined);
const File = glyph(FileOutlined);
const kinds = /\.(jpe?g|png|gif|webp|bmp|tiff?|heic|avif)$/i;

/** isImage reports whether an object is a picture that the server can make small. */
export function isImage(key: string, contentType = ''): boolean {
  return /^image\/(jpeg|png|gif|webp|bmp|tiff|heic|avif)/.test(contentType) || ((contentType === '' || contentType === 'application/octet-stream') && kinds.test(key));
}

// Pictures are asked for when the page has nothing better to do: its rows come first.
const whenIdle: (f: () => void) => () => void =
  typeof requestIdleCallback === 'function'
    ? (f) => {
        const id = requestIdleCallback(f, { timeout: 1000 });
        return () => cancelIdleCallback(id);
      }
    : (f) => {
        const id = setTimeout(f, 100);
        return () => clearTimeout(id);
      };

/** Thumb is a small picture of an object as it is now; a sign of its kind if there is none. */
export function Thumb({ bucket, objectKey, contentType, size = 32, version = '' }: { bucket: string; objectKey: string; contentType?: string; size?: number; version?: string }) {
  const [gone, setGone] = useState(false);
  const [idle, setIdle] = useState(false);
  const image = isImage(objectKey, contentType);
  useEffect(() => (image ? whenIdle(() => setIdle(true)) : undefined), [image]);
  const px = Math.min(512, size * 2);
  return (
    <span className="thumb" style={{ width: size, height: size, fontSize: size / 2 }}>
      {!image ? (
        <File />
      ) : gone ? (
        <Picture />
      ) : idle ? (
        <img
          src={`${objectPath(bucket, objectKey)}?x-oss-process=image/resize,m_fill,w_${px},h_${px}${version && `&v=${version}`}`}
          alt=""
          width={size}
          height={size}
          loading="lazy"
          onError={() => setGone(true)}
        />
      ) : null}
    </span>
  );
}
