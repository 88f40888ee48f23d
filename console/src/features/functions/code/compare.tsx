import { useQuery } from '@tanstack/react-query';
import { Drawer, Select, Spin } from 'antd';
import { Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { lazy } from '../../../shared/lazy';
import { Nothing, Problem } from '../../../shared/ui';
import type { Alias, Version } from '../api';
import { difference } from './changes';
import { byPath, textOf, unpack, type Files } from './package';
import { fetchCode } from './remote';

const Diff = lazy(() => import('../../../shared/diff'));

/** Compare shows what differs between the code in this tab and what is deployed, or a version. */
export function Compare({ name, files, deployed, versions, aliases, close }: { name: string; files: Files; deployed: Files; versions: Version[]; aliases: Alias[]; close: () => void }) {
  const { t } = useTranslation('functions');
  const [against, setAgainst] = useState('');
  const [at, setAt] = useState('');
  const other = useQuery({
    queryKey: ['functions', name, 'files', against],
    queryFn: async ({ signal }) => unpack((await fetchCode(name, against, signal)).zip),
    enabled: against !== '',
    staleTime: 60_000,
  });
  const before = against === '' ? deployed : other.data;
  const paths = before ? difference(before, files).sort(byPath) : [];
  const path = paths.includes(at) ? at : (paths[0] ?? '');
  const label = against === '' ? t('code.deployedCode') : against;
  return (
    <Drawer open size="min(1200px, 96vw)" title={t('code.compare')} onClose={close} classNames={{ body: 'compare' }}>
      <div className="row gap-below">
        <span>{t('code.against')}</span>
        <Select
          aria-label={t('code.against')}
          value={against}
          onChange={setAgainst}
          className="compare-select"
          popupMatchSelectWidth={false}
          options={[
            { value: '', label: t('code.deployedCode') },
            ...(aliases.length ? [{ label: t('aliases'), options: aliases.map((a) => ({ value: a.aliasName, label: a.aliasName })) }] : []),
            ...(versions.length ? [{ label: t('versions'), options: versions.map((v) => ({ value: v.versionId, label: v.description ? `${v.versionId} · ${v.description}` : v.versionId })) }] : []),
          ]}
        />
        {paths.length > 0 && (
          <Select aria-label={t('code.file')} value={path} onChange={setAt} className="compare-select" popupMatchSelectWidth={false} options={paths.map((p) => ({ value: p, label: p }))} />
        )}
        {before && <span className="dim">{t('code.differ', { count: paths.length })}</span>}
      </div>
      {other.error && <Problem error={other.error} retry={() => void other.refetch()} />}
      {against !== '' && other.isPending && <Spin />}
      {before && paths.length === 0 && <Nothing text={t('code.noDifference')} />}
      {before && path && <Sides name={path} before={before.get(path)?.data ?? null} after={files.get(path)?.data ?? null} beforeLabel={label} afterLabel={t('code.thisTab')} />}
    </Drawer>
  );
}

/** Sides shows one file's two forms, if they are text. */
export function Sides({ name, before, after, ...labels }: { name: string; before: Uint8Array | null; after: Uint8Array | null; beforeLabel: string; afterLabel: string }) {
  const { t } = useTranslation('functions');
  const a = before === null ? '' : textOf(before);
  const b = after === null ? '' : textOf(after);
  if (a === null || b === null) return <Nothing text={t('code.binaryDiffers', { before: before?.length ?? 0, after: after?.length ?? 0 })} />;
  return (
    <div className="compare-diff">
      <Suspense fallback={<Spin />}>
        <Diff key={name} name={name} before={a} after={b} {...labels} />
      </Suspense>
    </div>
  );
}
