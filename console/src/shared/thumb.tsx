import { FileImageOutlined, FileOutlined } from '@ant-design/icons';
import { useState } from 'react';
import { objectPath } from './api';
import './states.css';

const kinds = /\.(jpe?g|png|gif|webp|bmp|tiff?|heic|avif)$/i;

/** isImage reports whether an object is a picture that the server can make small. */
export function isImage(key: string, contentType = ''): boolean {
  return /^image\/(jpeg|png|gif|webp|bmp|tiff|heic|avif)/.test(contentType) || ((contentType === '' || contentType === 'application/octet-stream') && kinds.test(key));
}

/** Thumb is a small picture of an object as it is now; a sign of its kind if there is none. */
export function Thumb({ bucket, objectKey, contentType, size = 32, version = '' }: { bucket: string; objectKey: string; contentType?: string; size?: number; version?: string }) {
  const [gone, setGone] = useState(false);
  const image = isImage(objectKey, contentType);
  const px = Math.min(512, size * 2);
  return (
    <span className="thumb" style={{ width: size, height: size, fontSize: size / 2 }}>
      {image && !gone ? (
        <img
          src={`${objectPath(bucket, objectKey)}?x-oss-process=image/resize,m_fill,w_${px},h_${px}${version && `&v=${version}`}`}
          alt=""
          width={size}
          height={size}
          loading="lazy"
          onError={() => setGone(true)}
        />
      ) : image ? (
        <FileImageOutlined aria-hidden />
      ) : (
        <FileOutlined aria-hidden />
      )}
    </span>
  );
}
