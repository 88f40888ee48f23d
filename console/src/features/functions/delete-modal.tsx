import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Alert, Input, Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fc, messageOf, Refusal } from '../../shared/api';
import { useMay, useResources } from '../../shared/may';
import { useThere } from '../../shared/there';
import { keys, path } from './api';

/** DeleteFunction asks for the name, and says what stands in the way. */
export function DeleteFunction({ name, close }: { name: string; close: () => void }) {
  const { t } = useTranslation('functions');
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Refusal | null>(null);
  const missing = useMay('fc:DeleteFunction', useResources().fn(name)).reason;
  const client = useQueryClient();
  const navigate = useNavigate();
  const there = useThere();
  const go = async () => {
    if (typed !== name || missing || busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await fc.del(path(name));
      if (there()) {
        await navigate({ to: '/functions', search: (s: { q?: string }) => ({ q: s.q }) });
        client.removeQueries({ queryKey: keys.one(name) });
      }
      await client.invalidateQueries({ queryKey: keys.all });
      if (there()) close();
    } catch (err) {
      setProblem(err as Refusal);
      setBusy(false);
    }
  };
  return (
    <Modal
      open
      title={t('list.deleteOne', { name })}
      okText={t('common:delete')}
      okButtonProps={{ danger: true, disabled: typed !== name || !!missing, loading: busy }}
      onOk={() => void go()}
      onCancel={close}
    >
      <p>{t('list.deleteWhy')}</p>
      {missing && <Alert type="warning" showIcon className="gap-below" title={missing} />}
      {problem && (
        <Alert
          type="error"
          showIcon
          role="alert"
          className="gap-below"
          title={messageOf(problem)}
          description={
            /trigger/i.test(problem.code + problem.message) ? (
              <Link to="/functions/$name/{-$tab}" params={{ name, tab: 'triggers' }} onClick={close}>
                {t('list.seeTriggers')}
              </Link>
            ) : undefined
          }
        />
      )}
      <label htmlFor="delete-function-name">{t('list.typeName', { name })}</label>
      <Input id="delete-function-name" value={typed} onChange={(e) => setTyped(e.target.value)} onPressEnter={() => void go()} autoFocus autoComplete="off" spellCheck={false} />
    </Modal>
  );
}
