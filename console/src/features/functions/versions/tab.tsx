import { MoreOutlined, PlusOutlined } from '@ant-design/icons';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Dropdown, Tag } from 'antd';
import { Suspense, useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { href } from '../../../shared/href';
import { useRowStop } from '../../../shared/in-row';
import { lazy } from '../../../shared/lazy';
import { MayButton, mayProps, useMay, useResources } from '../../../shared/may';
import { RowLink, Rows, type Column } from '../../../shared/rows';
import { Nothing, Time } from '../../../shared/ui';
import type { Alias, TabProps, Version } from '../api';
import { rest, sharesOf } from './weights';
import './versions.css';

const AliasPanel = lazy(() => import('./alias-panel'));
const Compare = lazy(() => import('./compare'));
const Publish = lazy(() => import('./dialogs').then((m) => ({ default: m.Publish })));
const Restore = lazy(() => import('./dialogs').then((m) => ({ default: m.Restore })));
const Remove = lazy(() => import('./dialogs').then((m) => ({ default: m.Remove })));

type Open = { kind: 'publish' } | { kind: 'restore'; version: string } | { kind: 'delete'; version?: string; alias?: string } | { kind: 'alias'; alias?: Alias; back?: string };

/** VersionsTab lists versions and the aliases that name them. */
export function VersionsTab({ fn, versions, aliases }: TabProps) {
  const { t } = useTranslation('functions');
  const search = useSearch({ from: '/functions/$name/{-$tab}' });
  const navigate = useNavigate({ from: '/functions/$name/{-$tab}' });
  const [open, setOpen] = useState<Open | null>(null);
  const name = fn.functionName;
  const resource = useResources().fn(name);
  const close = () => setOpen(null);
  const compare = useCallback((version?: string, against?: string) => void navigate({ search: (s) => ({ qualifier: s.qualifier, version, against }) }), [navigate]);
  const [aliasColumns, versionColumns] = useMemo((): [Column<Alias>[], Column<Version>[]] => {
    const at = (qualifier: string) => href(['functions', name, 'versions'], { qualifier });
    const earlier = (v: string) => versions.find((x) => Number(x.versionId) < (v === 'LATEST' ? Infinity : Number(v)))?.versionId;
    const shareOf = (a: Alias, v: string) => (a.versionId === v ? rest(sharesOf(a)) : (sharesOf(a).find((s) => s.version === v)?.percent ?? 0));
    const named = (v: string) => aliases.filter((a) => a.versionId === v || v in (a.additionalVersionWeight ?? {}));
    const shares = (a: Alias) => [{ version: a.versionId, percent: rest(sharesOf(a)) }, ...sharesOf(a)];
    return [[
      {
        key: 'name', title: t('version.aliasName'), width: '2fr',
        render: (a) => (
          <>
            <RowLink to={at(a.aliasName)}>{a.aliasName}</RowLink>
            {a.description && <div className="dim clip">{a.description}</div>}
          </>
        ),
      },
      {
        key: 'version', title: t('version.traffic'), width: '3fr',
        render: (a) => (
          <span className="traffic">
            {shares(a).map((s) => (
              <span key={s.version} className="traffic-part">
                <span>{s.version}</span>
                {shares(a).length > 1 && <span className="dim">{s.percent} %</span>}
              </span>
            ))}
            {shares(a).length > 1 && (
              <span className="traffic-bar" aria-hidden>
                {shares(a).map((s, i) => (
                  <i key={s.version} className={`part-${i % 4}`} style={{ width: `${s.percent}%` }} />
                ))}
              </span>
            )}
          </span>
        ),
      },
      { key: 'modified', title: t('common:modified'), width: '1.2fr', wide: true, render: (a) => <Time at={Date.parse(a.lastModifiedTime)} /> },
      {
        key: 'back', title: <span className="off-screen">{t('version.rollBack')}</span>, width: '110px', end: true, wide: true,
        render: (a) => <RollBack alias={a} resource={resource} open={setOpen} back={earlier(a.versionId)} />,
      },
      { key: 'menu', title: <span className="off-screen">{t('common:actions')}</span>, width: '44px', end: true, render: (a) => <AliasMenu alias={a} resource={resource} open={setOpen} back={earlier(a.versionId)} /> },
    ], [
      { key: 'id', title: t('version.version'), width: '90px', render: (v) => <RowLink to={at(v.versionId)}>{v.versionId}</RowLink> },
      { key: 'description', title: t('configuration.description'), width: '3fr', render: (v) => v.description || <span className="dim">—</span> },
      {
        key: 'aliases', title: t('aliases'), width: '2fr', wide: true,
        render: (v) => named(v.versionId).map((a) => <Tag key={a.aliasName}>{shareOf(a, v.versionId) < 100 ? `${a.aliasName} ${shareOf(a, v.versionId)} %` : a.aliasName}</Tag>),
      },
      { key: 'created', title: t('common:created'), width: '1.4fr', wide: true, render: (v) => <Time at={Date.parse(v.createdTime)} /> },
      {
        key: 'compare', title: <span className="off-screen">{t('version.compare')}</span>, width: '110px', end: true, wide: true,
        render: (v) => <CompareButton version={v.versionId} compare={compare} />,
      },
      { key: 'menu', title: <span className="off-screen">{t('common:actions')}</span>, width: '44px', end: true, render: (v) => <VersionMenu version={v} resource={resource} open={setOpen} compare={compare} earlier={earlier(v.versionId)} /> },
    ]];
  }, [t, name, resource, versions, aliases, compare]);
  const publish = (
    <MayButton action="fc:PublishFunctionVersion" resource={resource} type="primary" icon={<PlusOutlined />} onClick={() => setOpen({ kind: 'publish' })}>
      {t('version.publish')}
    </MayButton>
  );
  return (
    <div className="versions">
      <section aria-label={t('aliases')}>
        <div className="tab-head">
          <div>
            <h2>{t('aliases')}</h2>
            <p className="dim">{t('version.aliasLead')}</p>
          </div>
          <MayButton action="fc:CreateAlias" resource={resource} icon={<PlusOutlined />} onClick={() => setOpen({ kind: 'alias' })}>
            {t('version.createAlias')}
          </MayButton>
        </div>
        <Rows
          label={t('aliases')}
          items={aliases}
          keyOf={(a) => a.aliasName}
          height="360px"
          rowHeight={52}
          empty={<Nothing text={t('version.noAliases')} />}
          columns={aliasColumns}
        />
      </section>
      <section aria-label={t('versions')}>
        <div className="tab-head">
          <div>
            <h2>{t('versions')}</h2>
            <p className="dim">{t('version.lead')}</p>
          </div>
          {publish}
        </div>
        <Rows
          label={t('versions')}
          items={versions}
          keyOf={(v) => v.versionId}
          height="calc(100vh - 260px)"
          empty={<Nothing text={t('version.none')}>{publish}</Nothing>}
          columns={versionColumns}
        />
      </section>
      <Suspense>
        {open?.kind === 'publish' && <Publish fn={fn} versions={versions} close={close} />}
        {open?.kind === 'restore' && <Restore fn={name} version={open.version} close={close} />}
        {open?.kind === 'delete' && <Remove fn={name} version={open.version} alias={open.alias} aliases={aliases} close={close} />}
        {open?.kind === 'alias' && <AliasPanel fn={name} versions={versions} alias={open.alias} back={open.back} close={close} />}
        {search.version && (
          <Compare fn={name} before={search.version} after={search.against ?? 'LATEST'} versions={versions} aliases={aliases} choose={compare} close={() => compare()} />
        )}
      </Suspense>
    </div>
  );
}

function RollBack({ alias: a, resource, open, back }: { alias: Alias; resource: string; open: (o: Open) => void; back?: string }) {
  const { t } = useTranslation('functions');
  const tabIndex = useRowStop();
  return (
    back && (
      <MayButton action="fc:UpdateAlias" resource={resource} size="small" tabIndex={tabIndex} aria-label={t('version.rollBackOf', { alias: a.aliasName })} onClick={() => open({ kind: 'alias', alias: a, back })}>
        {t('version.rollBack')}
      </MayButton>
    )
  );
}

function CompareButton({ version, compare }: { version: string; compare: (a: string, b: string) => void }) {
  const { t } = useTranslation('functions');
  return (
    <Button size="small" tabIndex={useRowStop()} aria-label={t('version.compareOne', { version })} onClick={() => compare(version, 'LATEST')}>
      {t('version.compareShort')}
    </Button>
  );
}

function AliasMenu({ alias: a, resource, open, back }: { alias: Alias; resource: string; open: (o: Open) => void; back?: string }) {
  const tabIndex = useRowStop();
  const update = useMay('fc:UpdateAlias', resource);
  const remove = useMay('fc:DeleteAlias', resource);
  const { t } = useTranslation('functions');
  return (
    <Dropdown
      trigger={['click']}
      placement="bottomRight"
      menu={{
        items: [
          { key: 'edit', label: t('version.edit'), ...mayProps(update), onClick: () => open({ kind: 'alias', alias: a }) },
          ...(back ? [{ key: 'back', label: t('version.rollBack'), ...mayProps(update), onClick: () => open({ kind: 'alias', alias: a, back }) }] : []),
          { type: 'divider' as const },
          { key: 'delete', danger: true, label: t('common:delete'), ...mayProps(remove), onClick: () => open({ kind: 'delete', alias: a.aliasName }) },
        ],
      }}
    >
      <Button size="small" type="text" tabIndex={tabIndex} icon={<MoreOutlined />} aria-label={t('version.moreOf', { name: a.aliasName })} />
    </Dropdown>
  );
}

function VersionMenu({ version: v, resource, open, compare, earlier }: { version: Version; resource: string; open: (o: Open) => void; compare: (a: string, b: string) => void; earlier?: string }) {
  const tabIndex = useRowStop();
  const update = useMay('fc:UpdateFunction', resource);
  const remove = useMay('fc:DeleteFunctionVersion', resource);
  const { t } = useTranslation('functions');
  return (
    <Dropdown
      trigger={['click']}
      placement="bottomRight"
      menu={{
        items: [
          { key: 'latest', label: t('version.compareLatest'), onClick: () => compare(v.versionId, 'LATEST') },
          ...(earlier ? [{ key: 'earlier', label: t('version.compareEarlier', { version: earlier }), onClick: () => compare(earlier, v.versionId) }] : []),
          { key: 'restore', label: t('version.restoreMenu'), ...mayProps(update), onClick: () => open({ kind: 'restore', version: v.versionId }) },
          { type: 'divider' as const },
          { key: 'delete', danger: true, label: t('common:delete'), ...mayProps(remove), onClick: () => open({ kind: 'delete', version: v.versionId }) },
        ],
      }}
    >
      <Button size="small" type="text" tabIndex={tabIndex} icon={<MoreOutlined />} aria-label={t('version.moreOf', { name: v.versionId })} />
    </Dropdown>
  );
}
