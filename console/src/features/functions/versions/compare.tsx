// Two versions beside each other: settings and code. Load it with lazy().
import { SwapOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Drawer, Segmented, Select } from 'antd';
import { Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Loading } from '../../../app/shell';
import { lazy } from '../../../shared/lazy';
import { Nothing, Problem } from '../../../shared/ui';
import { functionOf, type Alias, type Version } from '../api';
import { difference } from '../code/changes';
import { short, textOf, unpack } from '../code/package';
import { fetchCode } from '../code/remote';
import { differences } from './settings';

const Diff = lazy(() => import('../../../shared/diff'));

interface Props {
  fn: string;
  before: string;
  after: string;
  versions: Version[];
  aliases: Alias[];
  choose: (before: string, after: string) => void;
  close: () => void;
}

const codeOf = (fn: string, qualifier: string, checksum: string) => ({
  queryKey: ['functions', fn, 'package', qualifier, checksum],
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const { zip } = await fetchCode(fn, qualifier, signal);
    return { files: unpack(zip), size: zip.length };
  },
  enabled: checksum !== '',
  staleTime: 60_000,
  gcTime: 60_000,
  retry: false,
  structuralSharing: false as const,
});

export default function Compare({ fn, before, after, versions, aliases, choose, close }: Props) {
  const { t } = useTranslation('functions');
  const [part, setPart] = useState<'code' | 'settings'>('code');
  const [wanted, setWanted] = useState('');
  const a = useQuery(functionOf(fn, before));
  const b = useQuery(functionOf(fn, after));
  const same = !!a.data && a.data.codeChecksum === b.data?.codeChecksum;
  const ca = useQuery(codeOf(fn, before, same ? '' : (a.data?.codeChecksum ?? '')));
  const cb = useQuery(codeOf(fn, after, same ? '' : (b.data?.codeChecksum ?? '')));
  const error = a.error ?? b.error ?? ca.error ?? cb.error;
  const settings = a.data && b.data ? differences(a.data, b.data) : [];
  const files = ca.data && cb.data ? difference(ca.data.files, cb.data.files) : [];
  const file = files.includes(wanted) ? wanted : files[0];
  const options = [
    { value: 'LATEST', label: 'LATEST' },
    ...aliases.map((x) => ({ value: x.aliasName, label: `${x.aliasName} → ${x.versionId}` })),
    ...versions.map((v) => ({ value: v.versionId, label: v.description ? `${v.versionId} · ${v.description}` : v.versionId })),
  ];
  const side = (of: 'before' | 'after') => {
    if (!file) return '';
    const data = (of === 'before' ? ca : cb).data?.files.get(file)?.data;
    return data ? (textOf(data) ?? null) : '';
  };
  const left = side('before');
  const right = side('after');
  const kind = (f: string) => (!ca.data?.files.has(f) ? 'added' : !cb.data?.files.has(f) ? 'removed' : 'changed');
  return (
    <Drawer open title={t('version.compare')} size="min(1180px, 100%)" onClose={close} className="compare">
      <div className="row gap-below">
        <Select aria-label={t('version.before')} value={before} options={options} popupMatchSelectWidth={false} className="compare-pick" showSearch onChange={(v: string) => choose(v, after)} />
        <Button icon={<SwapOutlined />} aria-label={t('version.swap')} onClick={() => choose(after, before)} />
        <Select aria-label={t('version.after')} value={after} options={options} popupMatchSelectWidth={false} className="compare-pick" showSearch onChange={(v: string) => choose(before, v)} />
        <span className="grow" />
        <Segmented
          aria-label={t('version.compare')}
          value={part}
          onChange={setPart}
          options={[
            { value: 'code', label: `${t('tab.code')}${same ? '' : ` (${files.length})`}` },
            { value: 'settings', label: `${t('tab.configuration')} (${settings.length})` },
          ]}
        />
      </div>
      {error ? (
        <Problem error={error} retry={() => [a, b, ca, cb].forEach((q) => q.error && void q.refetch())} />
      ) : a.isPending || b.isPending ? (
        <Loading />
      ) : part === 'settings' ? (
        settings.length === 0 ? (
          <Nothing text={t('version.sameSettings')} />
        ) : (
          <table className="differences">
            <thead>
              <tr>
                <th scope="col">{t('version.setting')}</th>
                <th scope="col">{before}</th>
                <th scope="col">{after}</th>
              </tr>
            </thead>
            <tbody>
              {settings.map((d) => (
                <tr key={d.name}>
                  <th scope="row">{d.name.startsWith('$') ? <code>{d.name.slice(1)}</code> : t(`version.settings.${d.name}`)}</th>
                  <td>{d.before || <span className="dim">—</span>}</td>
                  <td>{d.after || <span className="dim">—</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )
      ) : same ? (
        <Nothing text={t('version.sameCode', { checksum: short(a.data!.codeChecksum) })} />
      ) : ca.isPending || cb.isPending ? (
        <Loading />
      ) : files.length === 0 ? (
        <Nothing text={t('version.sameFiles')} />
      ) : (
        <div className="compare-code">
          <ul className="changed-files" aria-label={t('version.files')}>
            {files.map((f) => (
              <li key={f}>
                <button type="button" aria-current={f === file} onClick={() => setWanted(f)}>
                  <span className={`mark mark-${kind(f)}`} title={t(`version.${kind(f)}`)}>
                    {kind(f) === 'added' ? '+' : kind(f) === 'removed' ? '−' : '±'}
                  </span>{' '}
                  {f}
                </button>
              </li>
            ))}
          </ul>
          <div className="version-diff">
            {left === null || right === null ? (
              <Nothing text={t('version.binary')} />
            ) : (
              <Suspense fallback={<Loading />}>
                <Diff name={file!} before={left} after={right} beforeLabel={before} afterLabel={after} />
              </Suspense>
            )}
          </div>
        </div>
      )}
    </Drawer>
  );
}
