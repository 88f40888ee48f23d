import { ApartmentOutlined, DeleteOutlined, RedoOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button, Drawer, Popconfirm } from 'antd';
import { useTranslation } from 'react-i18next';
import type { Link as ChainLink } from '../../api/gen';
import { JsonView } from '../../shared/json-view';
import { Facts } from '../../shared/facts';
import { May, MayButton, useResources } from '../../shared/may';
import { Said } from '../../shared/said';
import { Note, told } from '../../shared/states';
import { Problem, Time } from '../../shared/ui';
import { Waterfall } from '../../shared/waterfall-chart';
import { failed } from '../../shared/waterfall';
import { deadOne } from './api';
import { FunctionLink, Id, ObjectLink } from './area';
import { errorMessage } from './outcome';

/** DeadDrawer is one dead letter: why it was given up, its attempts, its event. */
export function DeadDrawer({ id, result, busy, close, act }: { id: string; result?: 'redrive' | 'delete'; busy: boolean; close: () => void; act: (what: 'redrive' | 'delete') => void }) {
  const { t } = useTranslation('events');
  const q = useQuery({ ...deadOne(id), enabled: !result });
  const d = q.data;
  const { fn } = useResources();
  const last = d?.attempts?.at(-1);
  return (
    <Drawer open onClose={close} size={Math.min(760, window.innerWidth)} title={t('dead.one')} className="dead-drawer">
      {q.error && !d && <Problem error={q.error} retry={() => void q.refetch()} />}
      {d && (
        <>
          <div className="row gap-below">
            <MayButton action="fc:InvokeFunction" resource={fn(d.function)} type="primary" icon={<RedoOutlined />} disabled={!!result || busy} onClick={() => act('redrive')}>
              {t('dead.redriveOne')}
            </MayButton>
            <May action="fc:StopAsyncTask" resource={fn(d.function)}>
              {(no) => (
                <Popconfirm
                  title={t('dead.deleteSure')} description={t('dead.deleteWhy')} okText={t('common:delete')} okButtonProps={{ danger: true }}
                  onConfirm={() => act('delete')} disabled={no || !!result || busy}
                >
                  <Button icon={<DeleteOutlined />} disabled={no || !!result || busy}>
                    {t('common:delete')}
                  </Button>
                </Popconfirm>
              )}
            </May>
            {d.eventId && (
              <Link to="/trace" search={{ event: d.eventId }} className="button-link">
                <ApartmentOutlined aria-hidden /> {t('lineage')}
              </Link>
            )}
            {result && <span role="status">{t(result === 'redrive' ? 'dead.isRedriven' : 'dead.deleted')}</span>}
          </div>
          <Note state={told('Failed', d.reason)} title={t(`reason.${d.reason}`, { defaultValue: d.reason })}>
            <div>
              <Said why={d.why} message={d.message} />
            </div>
            {last && failed(last) && <div>{last.message || errorMessage(last)}</div>}
          </Note>
          <Facts
            of={[
              [t('function'), <FunctionLink key="f" name={d.function} />],
              [t('trigger'), d.trigger],
              [t('object'), d.bucket && <ObjectLink bucket={d.bucket} objectKey={d.key} />],
              [t('target'), d.target],
              [t('event'), d.eventId && <Link to="/events/$id" params={{ id: d.eventId }} search={{ run: d.requestId }}>{d.eventId}</Link>],
              [t('dead.since'), <Time key="t" at={Date.parse(d.time)} exact />],
              [t('dead.enqueued'), <Time key="q" at={Date.parse(d.enqueued)} exact />],
              [t('requestId'), <Id key="r" text={d.requestId} label={t('copyRequestId')} />],
            ]}
          />
          {d.chain && d.chain.length > 0 && <Chain chain={d.chain} />}
          {d.attempts && d.attempts.length > 0 && (
            <section>
              <h3>{t('attempts')}</h3>
              <Waterfall attempts={d.attempts} begin={d.mark ? undefined : Date.parse(d.enqueued)} state="Failed" />
              {d.attempts.map((a, i) => (
                <details key={i} className="log" open={i === d.attempts!.length - 1}>
                  <summary>
                    <span>{t('logOf', { n: i + 1 })}</span>
                    {failed(a) && <span className="log-error">{a.errorType || a.fault}</span>}
                  </summary>
                  <div className="log-body">{a.log ? <pre tabIndex={0} role="region" aria-label={t('logOf', { n: i + 1 })}>{a.log}</pre> : <p className="dim">{a.message || t('noLog')}</p>}</div>
                </details>
              ))}
            </section>
          )}
          {d.event !== undefined && (
            <section>
              <h3>{t('dead.event')}</h3>
              <JsonView value={d.event} label={t('dead.event')} />
            </section>
          )}
        </>
      )}
    </Drawer>
  );
}

/** Chain is how a loop came to be: each run by what the one before it wrote. */
function Chain({ chain }: { chain: ChainLink[] }) {
  const { t } = useTranslation('events');
  return (
    <section>
      <h3>{t('dead.chain', { n: chain.length })}</h3>
      <p className="dim">{t('dead.chainWhy')}</p>
      <ol className="chain">
        {chain.map((l) => (
          <li key={l.run} className={l.stopped ? 'stopped' : ''}>
            <span className="clip">
              {l.function ? <FunctionLink name={l.function} /> : <span className="mono">{l.run}</span>}
              {l.trigger && <span className="dim"> ‹ {l.trigger}</span>}
              {l.bucket && (
                <span className="dim">
                  {' · '}
                  {l.bucket}/{l.key}
                </span>
              )}
            </span>
            <span className="chain-end">
              {l.stopped ? (
                <strong>{t('dead.stoppedHere')}</strong>
              ) : (
                <Link to="/trace" search={{ run: l.run }}>
                  {t('itsRun')}
                </Link>
              )}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
