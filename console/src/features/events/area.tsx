import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Copy } from '../../shared/ui';
import './events.css';

const parts = [
  { to: '/events', name: 'stream' },
  { to: '/dead-letters', name: 'dead' },
  { to: '/jobs', name: 'jobs' },
] as const;

/** Area is the way between the pages of the events: it stands on top of each. */
export function Area({ at }: { at?: (typeof parts)[number]['name'] }) {
  const { t } = useTranslation('events');
  return (
    <nav aria-label={t('area.label')} className="segments">
      {parts.map((p) => (
        <Link key={p.to} to={p.to} className={p.name === at ? 'on' : ''} aria-current={p.name === at ? 'page' : undefined} activeOptions={{ exact: true }} activeProps={{}}>
          {t(`area.${p.name}`)}
        </Link>
      ))}
    </nav>
  );
}

/** ObjectLink leads to an object in its bucket. */
export function ObjectLink({ bucket, objectKey, children }: { bucket: string; objectKey?: string; children?: ReactNode }) {
  return (
    <Link to="/buckets/$name/{-$tab}" params={{ name: bucket, tab: undefined }} search={objectKey ? { object: objectKey, prefix: objectKey.slice(0, objectKey.lastIndexOf('/') + 1) || undefined } : {}} className="object-link">
      {children ?? (
        <>
          <span className="dim">{bucket}/</span>
          {objectKey}
        </>
      )}
    </Link>
  );
}

export function FunctionLink({ name, tab }: { name: string; tab?: string }) {
  return (
    <Link to="/functions/$name/{-$tab}" params={{ name, tab }}>
      {name}
    </Link>
  );
}

export function Id({ text, label }: { text: string; label?: string }) {
  return (
    <span className="id">
      <span className="mono clip" title={text}>
        {text}
      </span>
      <Copy text={text} label={label} />
    </span>
  );
}

/** shortType leaves out an event type's group where it says nothing more. */
export const shortType = (type: string) => type.slice(type.indexOf(':') + 1);
