import { DownOutlined } from '@ant-design/icons';
import { Button, Dropdown, Input } from 'antd';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../app/session';
import { messageOf, type Refusal } from '../../shared/api';
import { DocumentField } from './document-field';
import type { Parts } from './merge';
import { nameRule, PoliciesField, policiesOf, policyProblems, type DraftPolicy } from './policies-field';
import { validate } from './policy';
import { refusedPolicy } from './said';
import { pretty, trustTemplates } from './templates';

export interface DraftRole extends Parts {
  name: string;
  description: string;
  trust: string;
  hours: string;
  policies: DraftPolicy[];
}

export const wrong = (d: DraftRole) => ({
  name: !nameRule.test(d.name),
  hours: !/^\d+(\.\d+)?$/.test(d.hours) || Number(d.hours) < 1 || Number(d.hours) > 12,
  trust: validate(d.trust, 'trust').some((f) => f.severity === 'error'),
  policies: policyProblems(d.policies).some(Boolean),
});
export const anything = (w: ReturnType<typeof wrong>) => w.name || w.hours || w.trust || w.policies;

export const bodyOf = (d: DraftRole) => ({
  description: d.description,
  trust: JSON.parse(d.trust) as unknown,
  maxSessionSeconds: Math.round(Number(d.hours) * 3600),
  policies: policiesOf(d.policies),
});

/** at says where a refusal belongs: a policy, the trust policy, the name; or nowhere. */
export function place(refused: Refusal | null, d: DraftRole): { policy?: { name: string; message: string }; trust?: string; name?: string } {
  if (!refused) return {};
  if (refused.code.startsWith('EntityAlreadyExists')) return { name: messageOf(refused) };
  if (/trust policy/i.test(refused.message)) return { trust: messageOf(refused) };
  const policy = refusedPolicy(refused.message, d.policies, messageOf(refused));
  return policy ? { policy } : {};
}

/** RoleFields are what of a role can be changed. */
export function RoleFields({ id, d, change, readOnly, tried, at }: { id: string; d: DraftRole; change: (d: DraftRole) => void; readOnly?: boolean; tried: boolean; at: ReturnType<typeof place> }) {
  const { t } = useTranslation('access');
  const { session } = useSession();
  const w = wrong(d);
  return (
    <>
      <div className="field">
        <label htmlFor={id + '-description'}>{t('description')}</label>
        <Input id={id + '-description'} value={d.description} maxLength={1024} readOnly={readOnly} onChange={(e) => change({ ...d, description: e.target.value })} />
      </div>
      <div className="field">
        <label htmlFor={id + '-hours'}>{t('maxSession')}</label>
        <Input id={id + '-hours'} value={d.hours} readOnly={readOnly} inputMode="decimal" className="short" status={w.hours ? 'error' : undefined} aria-invalid={w.hours} aria-describedby={id + '-hours-why'} onChange={(e) => change({ ...d, hours: e.target.value })} />
        {w.hours && <div id={id + '-hours-why'} className="findings finding-error">{t('maxSessionRule')}</div>}
      </div>
      <div className="row section-head">
        <h2>{t('trust')}</h2>
        <span className="grow" />
        {!readOnly && (
          <Dropdown trigger={['click']} menu={{ items: trustTemplates(session.account).map((x) => ({ key: x.code, label: t(`policy.template.${x.code}`), onClick: () => change({ ...d, trust: pretty(x.make()) }) })) }}>
            <Button size="small">
              {t('templates')} <DownOutlined />
            </Button>
          </Dropdown>
        )}
      </div>
      <p className="dim">{t('trustWhy')}</p>
      <DocumentField label={t('trust')} name={id + '-trust'} value={d.trust} change={(trust) => change({ ...d, trust })} kind="trust" readOnly={readOnly} problem={at.trust} />
      <h2>{t('policies')}</h2>
      <PoliciesField id={id} list={d.policies} change={(policies) => change({ ...d, policies })} readOnly={readOnly} tried={tried} refused={at.policy} />
    </>
  );
}
