import { Alert, Button, Modal, Segmented, Skeleton } from 'antd';
import { Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSettings } from '../../app/settings';
import { messageOf, type Refusal } from '../../shared/api';
import { moment } from '../../shared/format';
import { lazy } from '../../shared/lazy';
import type { Editing } from './editing';
import type { Parts } from './merge';
import { whose } from './said';

const Diff = lazy(() => import('../../shared/diff'));

/** show brings the first thing that is wrong into sight: beside, not beneath, what stays in sight. */
function show(button: HTMLElement) {
  const body = button.closest('.ant-drawer-body');
  requestAnimationFrame(() => body?.querySelector('.document-bad, .policy-bad, [aria-invalid="true"]')?.scrollIntoView({ block: 'center' }));
}

interface Changed {
  updated: string;
  updatedBy?: string;
}

/**
 * Saving stays in sight while something is not saved. If somebody else has changed the thing
 * meanwhile it says who, shows theirs, and lets mine be put onto it.
 */
export function Saving<D extends Parts>({ e, thing, refused }: {
  e: Editing<D>;
  thing: Changed;
  /** refused is a refusal that belongs to no field */
  refused: Refusal | null;
}) {
  const { t } = useTranslation('access');
  if (!e.draft.changed) return null;
  const bad = e.tried && e.invalid;
  return (
    <div className="saving">
      {e.draft.behind && <Meanwhile e={e} thing={thing} />}
      {e.kept && !e.draft.behind && (
        <Alert
          type={e.kept.length ? 'warning' : 'info'}
          showIcon
          title={e.kept.length ? t('conflict.clash', { parts: e.kept.map((c) => (c.policy ? t('conflict.policy', { name: c.part }) : t(`conflict.part.${c.part}`))).join(t('conflict.and')) }) : t('conflict.joined')}
        />
      )}
      {refused && <Alert type="error" showIcon role="alert" title={messageOf(refused)} />}
      <div className="row">
        <span className={bad ? 'finding-error' : 'dim'} role="status">
          {t(bad ? 'fixFirst' : 'notSaved')}
        </span>
        <span className="grow" />
        <Button onClick={e.discard} disabled={e.busy}>
          {t(e.draft.behind ? 'conflict.takeTheirs' : 'discard')}
        </Button>
        {e.draft.behind ? (
          <Button type="primary" onClick={e.keepMine}>
            {t('conflict.keepMine')}
          </Button>
        ) : (
          <Button type="primary" onClick={(c) => { if (e.invalid) show(c.currentTarget); void e.save(); }} loading={e.busy}>
            {t('common:save')}
          </Button>
        )}
      </div>
    </div>
  );
}

function Meanwhile<D extends Parts>({ e, thing }: { e: Editing<D>; thing: Changed }) {
  const { t } = useTranslation('access');
  const { zone } = useSettings();
  const [looking, setLooking] = useState(false);
  const params = { who: whose(thing.updatedBy, t('conflict.account')) ?? t('conflict.somebody'), at: moment(Date.parse(thing.updated), zone) };
  return (
    <>
      <Alert
        type="warning"
        showIcon
        role="alert"
        title={t('conflict.title', params)}
        description={
          <>
            <div>{t('conflict.why')}</div>
            <Button size="small" className="conflict-look" onClick={() => setLooking(true)}>
              {t('conflict.look')}
            </Button>
          </>
        }
      />
      {looking && <Theirs e={e} title={t('conflict.title', params)} close={() => setLooking(false)} />}
    </>
  );
}

/** Theirs shows theirs beside mine, or beside what both began with. */
function Theirs<D extends Parts>({ e, title, close }: { e: Editing<D>; title: string; close: () => void }) {
  const { t } = useTranslation('access');
  const [side, setSide] = useState<'mine' | 'base'>('mine');
  const text = (d: Parts) =>
    [
      ...Object.entries(d).flatMap(([part, v]) => (typeof v === 'string' && part !== 'name' ? [t(`conflict.part.${part}`) + ':\n' + v] : [])),
      ...d.policies.map((p) => t('conflict.policy', { name: p.name }) + ':\n' + p.text),
    ].join('\n\n') + '\n';
  const mine = side === 'mine';
  return (
    <Modal
      open
      width="min(1100px, 96vw)"
      title={title}
      onCancel={close}
      footer={
        <>
          <Button onClick={() => { close(); e.discard(); }}>{t('conflict.takeTheirs')}</Button>
          <Button type="primary" onClick={() => { close(); e.keepMine(); }}>
            {t('conflict.keepMine')}
          </Button>
        </>
      }
    >
      <Segmented<'mine' | 'base'>
        aria-label={t('conflict.compare')}
        className="gap-below"
        value={side}
        onChange={setSide}
        options={[{ value: 'mine', label: t('conflict.withMine') }, { value: 'base', label: t('conflict.withBase') }]}
      />
      <div className="theirs">
        <Suspense fallback={<Skeleton active />}>
          <Diff
            key={side}
            name="theirs.txt"
            before={text(mine ? e.theirs : e.draft.base.value)}
            after={text(mine ? e.draft.value : e.theirs)}
            beforeLabel={t(mine ? 'conflict.theirs' : 'conflict.before')}
            afterLabel={t(mine ? 'conflict.mine' : 'conflict.theirs')}
          />
        </Suspense>
      </div>
    </Modal>
  );
}
