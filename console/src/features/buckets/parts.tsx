// Pieces that several parts of a bucket's page use.
import FileImageOutlined from '@ant-design/icons-svg/es/asn/FileImageOutlined';
import FileOutlined from '@ant-design/icons-svg/es/asn/FileOutlined';
import FilePdfOutlined from '@ant-design/icons-svg/es/asn/FilePdfOutlined';
import FileTextOutlined from '@ant-design/icons-svg/es/asn/FileTextOutlined';
import FileZipOutlined from '@ant-design/icons-svg/es/asn/FileZipOutlined';
import FolderFilled from '@ant-design/icons-svg/es/asn/FolderFilled';
import SoundOutlined from '@ant-design/icons-svg/es/asn/SoundOutlined';
import VideoCameraOutlined from '@ant-design/icons-svg/es/asn/VideoCameraOutlined';
import type { ComponentType } from 'react';
import { glyph } from '../../shared/glyph';
import type { Kind } from './objects/names';

const picture = glyph(FileImageOutlined);
const icons: Record<Kind | 'folder', ComponentType> = {
  folder: glyph(FolderFilled), image: picture, svg: picture, text: glyph(FileTextOutlined), video: glyph(VideoCameraOutlined), audio: glyph(SoundOutlined),
  archive: glyph(FileZipOutlined), pdf: glyph(FilePdfOutlined), other: glyph(FileOutlined),
};

export function KindIcon({ kind }: { kind: Kind | 'folder' }) {
  const Icon = icons[kind];
  return (
    <span className={`kind-icon kind-${kind}`} aria-hidden>
      <Icon />
    </span>
  );
}

/** Bar shows how much of something is done; label says of what. */
export function Bar({ done, of, label, state }: { done: number; of: number; label: string; state?: string }) {
  const percent = of > 0 ? Math.min(100, Math.floor((done / of) * 100)) : state === 'done' ? 100 : 0;
  return (
    <span className={`bar ${state ? `bar-${state}` : ''}`} role="progressbar" aria-label={label} aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100}>
      <i style={{ width: `${percent}%` }} />
    </span>
  );
}
