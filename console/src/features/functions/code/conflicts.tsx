import { Button, Drawer, Segmented, Spin, Tag } from 'antd';
import { Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { lazy } from '../../../shared/lazy';
import { Nothing } from '../../../shared/ui';
import { bytesOf, short, textOf } from './package';
import { useWorkspace } from './workspace';

const Diff = lazy(() => import('../../../shared/diff'));

/**
 * Conflicts shows each file that somebody else has deployed while it was edited here: theirs
 * beside mine, with what both began with; nothing is given up before it is decided.
 */
export function Conflicts({ name, close }: { name: string; close: () => void }) {
  const { t } = useTranslation('functions');
  const { workspace, state } = useWorkspace(name);
  const [at, setAt] = useState('');
  const [side, setSide] = useState<'theirs' | 'base'>('theirs');
  const [byHand, setByHand] = useState<Record<string, string>>({});
  const current = state.conflicts.find((c) => c.path === at) ?? state.conflicts[0];
  const mine = current ? (state.changes.get(current.path)?.mine ?? null) : null;
  const left = current ? current[side] : null;
  const leftText = left === null ? '' : textOf(left);
  const mineText = mine === null ? '' : textOf(mine);
  const decide = (m: Uint8Array | null) => current && workspace.decide(current.path, m);
  return (
    <Drawer open size="min(1200px, 96vw)" title={t('code.conflictTitle')} onClose={close} classNames={{ body: 'compare' }}>
      {!current ? (
        <Nothing text={t('code.allDecided')}>
          <Button type="primary" onClick={close}>
            {t('code.backToEditor')}
          </Button>
        </Nothing>
      ) : (
        <>
          <p>{t('code.conflictWhy', { checksum: short(state.checksum) })}</p>
          <div className="row gap-below" role="group" aria-label={t('code.files')}>
            {state.conflicts.map((c) => (
              <Button key={c.path} size="small" type={c === current ? 'primary' : 'default'} aria-pressed={c === current} onClick={() => setAt(c.path)}>
                {c.path}
              </Button>
            ))}
          </div>
          <div className="row gap-below">
            <Segmented
              aria-label={t('code.compareMineWith')}
              value={side}
              onChange={(v) => setSide(v as 'theirs' | 'base')}
              options={[
                { value: 'theirs', label: t('code.theirs') },
                { value: 'base', label: t('code.base') },
              ]}
            />
            {current.theirs === null && <Tag color="warning">{t('code.theyDeleted')}</Tag>}
            {mine === null && <Tag color="warning">{t('code.youDeleted')}</Tag>}
            <span className="grow" />
            <Button onClick={() => decide(current.theirs)}>{t('code.takeTheirs')}</Button>
            <Button onClick={() => decide(mine)}>{t('code.takeMine')}</Button>
            <Button type="primary" disabled={byHand[current.path] === undefined} onClick={() => decide(bytesOf(byHand[current.path]!))}>
              {t('code.takeResult')}
            </Button>
          </div>
          {leftText === null || mineText === null ? (
            <Nothing text={t('code.binaryDiffers', { before: left?.length ?? 0, after: mine?.length ?? 0 })} />
          ) : (
            <div className="compare-diff">
              <Suspense fallback={<Spin />}>
                <Diff
                  key={current.path + side}
                  name={current.path}
                  before={leftText}
                  after={byHand[current.path] ?? mineText}
                  beforeLabel={t(side === 'theirs' ? 'code.theirs' : 'code.base')}
                  afterLabel={t('code.mineResult')}
                  onChange={(v) => setByHand((x) => ({ ...x, [current.path]: v }))}
                />
              </Suspense>
            </div>
          )}
        </>
      )}
    </Drawer>
  );
}
