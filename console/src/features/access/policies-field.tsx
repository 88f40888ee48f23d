import { DeleteOutlined, DownOutlined, PlusOutlined, RightOutlined } from '@ant-design/icons';
import { Button, Dropdown, Input, Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Policy } from '../../api/gen';
import { DocumentField } from './document-field';
import { validate } from './policy';
import { permissionTemplates, pretty, type Template } from './templates';

/** DraftPolicy is a policy as it is edited: its text may not be JSON yet. */
export interface DraftPolicy {
  name: string;
  text: string;
}

export const draftOf = (policies: Policy[] | null): DraftPolicy[] => (policies ?? []).map((p) => ({ name: p.name, text: pretty(p.document) }));

/** policiesOf is draftOf's inverse; the texts must be JSON. */
export const policiesOf = (list: DraftPolicy[]): Policy[] => list.map((p) => ({ name: p.name, document: JSON.parse(p.text) as unknown }));

export const nameRule = /^[A-Za-z0-9._-]{1,64}$/;

/** policyProblems says what the policies cannot be saved for, by their place. */
export function policyProblems(list: DraftPolicy[]): (undefined | 'name' | 'twice' | 'document')[] {
  return list.map((p, i) => {
    if (!nameRule.test(p.name)) return 'name';
    if (list.slice(0, i).some((q) => q.name.toLowerCase() === p.name.toLowerCase())) return 'twice';
    return validate(p.text, 'permission').some((f) => f.severity === 'error') ? 'document' : undefined;
  });
}

/** PoliciesField edits the permission policies of a user or a role; one is open at a time. */
export function PoliciesField({ id, list, change, readOnly, tried, refused }: {
  id: string;
  list: DraftPolicy[];
  change: (list: DraftPolicy[]) => void;
  readOnly?: boolean;
  /** tried: it has been saved in vain, so what is wrong is said of closed ones too */
  tried: boolean;
  refused?: { name: string; message: string };
}) {
  const { t } = useTranslation('access');
  const [open, setOpen] = useState<number | null>(list.length === 1 ? 0 : null);
  const [asking, setAsking] = useState<Template | null>(null);
  const problems = policyProblems(list);
  const set = (i: number, p: Partial<DraftPolicy>) => change(list.map((q, n) => (n === i ? { ...q, ...p } : q)));
  const add = (name: string, document: unknown) => {
    let free = name;
    for (let n = 2; list.some((p) => p.name.toLowerCase() === free.toLowerCase()); n++) free = `${name}-${n}`;
    change([...list, { name: free, text: pretty(document) }]);
    setOpen(list.length);
  };
  return (
    <section aria-label={t('policies')} className="policies">
      {list.length === 0 && <p className="dim">{t('noPolicies')}</p>}
      {list.map((p, i) => {
        const problem = problems[i];
        const said = refused && refused.name.toLowerCase() === p.name.toLowerCase() ? refused.message : undefined;
        const bad = !!said || (tried && !!problem);
        return (
          <div key={i} className={'policy' + (bad ? ' policy-bad' : '')}>
            <div className="policy-head">
              <Button
                type="text"
                size="small"
                icon={open === i ? <DownOutlined /> : <RightOutlined />}
                aria-expanded={open === i}
                aria-label={t('openPolicy', { name: p.name })}
                onClick={() => setOpen(open === i ? null : i)}
              />
              {open === i && !readOnly ? (
                <Input
                  value={p.name}
                  onChange={(e) => set(i, { name: e.target.value })}
                  aria-label={t('policyName')}
                  status={problem === 'name' || problem === 'twice' ? 'error' : undefined}
                  spellCheck={false}
                  className="mono"
                />
              ) : (
                <button type="button" className="policy-name mono clip" onClick={() => setOpen(open === i ? null : i)} tabIndex={-1}>
                  {p.name}
                </button>
              )}
              {!readOnly && <Button type="text" size="small" icon={<DeleteOutlined />} aria-label={t('detach', { name: p.name })} onClick={() => { change(list.filter((_, n) => n !== i)); setOpen(null); }} />}
            </div>
            {(problem === 'name' || problem === 'twice') && <div className="findings finding-error">{t(problem === 'name' ? 'nameRule' : 'policyTwice')}</div>}
            {open === i ? (
              <DocumentField label={t('policyDocument', { name: p.name })} name={`${id}-${i}`} value={p.text} change={(text) => set(i, { text })} kind="permission" readOnly={readOnly} problem={said} />
            ) : (
              bad && problem !== 'name' && problem !== 'twice' && <div className="findings finding-error">{said ?? t('policyInvalid')}</div>
            )}
          </div>
        );
      })}
      {!readOnly && (
        <Dropdown
          trigger={['click']}
          menu={{
            items: [
              ...permissionTemplates.map((x) => ({ key: x.code, label: t(`policy.template.${x.code}`), onClick: () => (x.asks ? setAsking(x) : add(x.name, x.make(''))) })),
              { type: 'divider' as const },
              { key: 'empty', label: t('policy.template.empty'), onClick: () => add('policy', { Version: '1', Statement: [{ Effect: 'Allow', Action: [], Resource: [] }] }) },
            ],
          }}
        >
          <Button icon={<PlusOutlined />}>{t('addPolicy')}</Button>
        </Dropdown>
      )}
      {asking && <AskBucket close={() => setAsking(null)} take={(bucket) => { add(asking.name, asking.make(bucket)); setAsking(null); }} />}
    </section>
  );
}

function AskBucket({ close, take }: { close: () => void; take: (bucket: string) => void }) {
  const { t } = useTranslation('access');
  const [bucket, setBucket] = useState('');
  const right = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket);
  return (
    <Modal open title={t('policy.template.ossBucket')} okText={t('common:ok')} okButtonProps={{ disabled: !right }} onOk={() => take(bucket)} onCancel={close}>
      <label htmlFor="template-bucket">{t('bucketName')}</label>
      <Input id="template-bucket" autoFocus value={bucket} onChange={(e) => setBucket(e.target.value)} onPressEnter={() => right && take(bucket)} spellCheck={false} autoComplete="off" />
    </Modal>
  );
}
