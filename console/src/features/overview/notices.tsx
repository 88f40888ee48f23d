import { Link } from '@tanstack/react-router';
import { Alert } from 'antd';
import { useTranslation } from 'react-i18next';
import type { ServerNotice } from '../../api/gen';
import { count } from '../../shared/format';
import { Said } from '../../shared/said';
import { Time } from '../../shared/ui';

const shown = 4;

/** Notices are what a person should look at. */
export function Notices({ list }: { list: ServerNotice[] }) {
  const { t } = useTranslation('overview');
  if (list.length === 0) return null;
  return (
    <div className="notices" role="region" aria-label={t('notice.label')}>
      {list.slice(0, shown).map((n) => (
        <Alert
          key={`${n.kind} ${n.function} ${n.trigger}`}
          type={n.kind === 'ReadOnly' ? 'error' : 'warning'}
          showIcon
          data-notice={n.kind}
          title={
            <span className="row">
              <span>{t(`notice.${n.kind}`, { function: n.function, trigger: n.trigger, n: count(n.count ?? 0), defaultValue: n.kind })}</span>
              {n.since && (
                <span className="dim">
                  <Time at={Date.parse(n.since)} />
                </span>
              )}
            </span>
          }
          description={n.why || n.message ? <Said why={n.why} message={n.message} whole /> : t(`said:pause.${n.reason}`, { defaultValue: n.reason })}
          action={
            n.function ? (
              <Link to="/functions/$name/{-$tab}" params={{ name: n.function, tab: n.kind === 'TriggerPaused' ? 'triggers' : 'monitoring' }}>
                {t('notice.open')}
              </Link>
            ) : undefined
          }
        />
      ))}
      {list.length > shown && <p className="dim">{t('notice.more', { n: count(list.length - shown) })}</p>}
    </div>
  );
}
