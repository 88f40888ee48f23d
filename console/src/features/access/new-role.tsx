import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Drawer, Input } from 'antd';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../app/session';
import { messageOf, type Refusal } from '../../shared/api';
import { useThere } from '../../shared/there';
import { access, keys } from './api';
import { useDraft, type Based } from './draft';
import { drawerSize } from './frame';
import { anything, bodyOf, place, RoleFields, wrong, type DraftRole } from './role-fields';
import { pretty, trustTemplates } from './templates';

/** NewRole makes a role; what was typed stays until it is made or discarded. */
export function NewRole({ close, made }: { close: () => void; made: (name: string) => void }) {
  const { t } = useTranslation('access');
  const { session } = useSession();
  const client = useQueryClient();
  const start = useMemo((): Based<DraftRole> => ({ revision: '', value: { name: '', description: '', hours: '1', trust: pretty(trustTemplates(session.account)[0]!.make()), policies: [] } }), [session.account]);
  const draft = useDraft('role-new', start);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Refusal | null>(null);
  const d = draft.value;
  const w = wrong(d);
  const at = place(refused, d);
  const there = useThere();
  const submit = async () => {
    setTried(true);
    setRefused(null);
    if (anything(w)) return;
    setBusy(true);
    try {
      const role = await access.createRole({ name: d.name, ...bodyOf(d) });
      draft.discard();
      await client.invalidateQueries({ queryKey: keys.roles });
      if (there()) made(role.name);
    } catch (err) {
      setRefused(err as Refusal);
      setBusy(false);
    }
  };
  const nameProblem = at.name ?? (tried && w.name ? t('nameRule') : undefined);
  return (
    <Drawer
      open
      onClose={close}
      size={drawerSize()}
      title={t('createRole')}
      footer={
        <div className="row">
          {refused && !at.name && !at.policy && !at.trust && <Alert type="error" showIcon role="alert" title={messageOf(refused)} />}
          {tried && anything(w) && <span className="finding-error" role="status">{t('fixFirst')}</span>}
          <span className="grow" />
          {draft.changed && <Button onClick={draft.discard}>{t('discard')}</Button>}
          <Button type="primary" loading={busy} onClick={() => void submit()}>
            {t('common:ok')}
          </Button>
        </div>
      }
    >
      <div className="field">
        <label htmlFor="role-name">{t('roleName')}</label>
        <Input id="role-name" autoFocus value={d.name} spellCheck={false} autoComplete="off" status={nameProblem ? 'error' : undefined} aria-invalid={!!nameProblem} aria-describedby="role-name-why" onChange={(e) => { draft.change({ ...d, name: e.target.value }); setRefused(null); }} />
        <div id="role-name-why" className={nameProblem ? 'findings finding-error' : 'findings dim'}>{nameProblem ?? t('nameRule')}</div>
      </div>
      <RoleFields id="role-new" d={d} change={draft.change} tried={tried} at={at} />
    </Drawer>
  );
}
