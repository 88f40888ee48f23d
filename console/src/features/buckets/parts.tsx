// Pieces that several parts of a bucket's page use.
import {
  FileImageOutlined, FileOutlined, FilePdfOutlined, FileTextOutlined, FileZipOutlined, FolderFilled, SoundOutlined, VideoCameraOutlined,
} from '@ant-design/icons';
import type { ComponentType, ReactNode } from 'react';
import type { Kind } from './objects/names';

/** Facts are names and values side by side; what is empty is left out. */
export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="bucket-facts">
      {of
        .filter(([, v]) => v !== undefined && v !== null && v !== '' && v !== false)
        .map(([name, v]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{v}</dd>
          </div>
        ))}
    </dl>
  );
}

const icons: Record<Kind | 'folder', ComponentType<{ className?: string }>> = {
  folder: FolderFilled, image: FileImageOutlined, svg: FileImageOutlined, text: FileTextOutlined, video: VideoCameraOutlined, audio: SoundOutlined, archive: FileZipOutlined, pdf: FilePdfOutlined,
  other: FileOutlined,
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
