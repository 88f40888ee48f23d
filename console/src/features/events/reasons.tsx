import { ExperimentOutlined, PlusOutlined } from '@ant-design/icons';
import { Link } from '@tanstack/react-router';
import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EventDetail, Match } from '../../api/gen';
import { count } from '../../shared/format';
import { useMay, useResources } from '../../shared/may';
import { Said } from '../../shared/said';
import { Note } from '../../shared/states';
import { FunctionSelect } from './filters';
import { Replay } from './replay';

const atFirst = 15;

/** NothingRan says that an event owes no run; where triggers are judged below, it says so. */
export function NothingRan({ e }: { e: EventDetail }) {
  const { t } = useTranslation('events');
  const list = e.triggersNow ?? [];
  return (
    <Note state="None" title={t('nothingHappened')}>
      {list.length > 0 && t(list.some((m) => m.fires) ? 'nothingThen' : 'nothingWhy')}
    </Note>
  );
}

/** Reasons says of every trigger that could have run something for an event why it did not, and leads to what mends it. */
export function Reasons({ e }: { e: EventDetail }) {
  const { t } = useTranslation('events');
  const [all, setAll] = useState(false);
  const list = e.triggersNow ?? [];
  const ran = new Set((e.owed ?? []).map((o) => `${o.function}/${o.trigger}`));
  const rest = list.filter((m) => !ran.has(`${m.function}/${m.trigger}`) || !m.fires);
  const matched = list.length - rest.length;
  const some = (e.owed ?? []).length > 0 || !!e.hiddenRuns;
  return (
    <section aria-labelledby="nothing-else">
      <h2 id="nothing-else">{t(some ? 'nothingElse' : 'nothingAtAll')}</h2>
      {e.unjudged ? (
        <Note state="None" title={t('unjudged')} />
      ) : list.length === 0 ? (
        <Note state="None" title={t('noTriggers', { bucket: e.bucket })} />
      ) : (
        <>
          <p className="dim">{t('judgedNow')}</p>
          {rest.length === 0 ? (
            <p>{t('allMatched', { count: matched })}</p>
          ) : (
            <ul className="card reasons">
              {rest.slice(0, all ? undefined : atFirst).map((m) => (
                <Reason key={`${m.function}/${m.trigger}`} e={e} m={m} />
              ))}
            </ul>
          )}
          {!all && rest.length > atFirst && <Button onClick={() => setAll(true)}>{t('showAll', { n: count(rest.length) })}</Button>}
        </>
      )}
      {!some && e.type && <Mend e={e} />}
    </section>
  );
}

function Reason({ e, m }: { e: EventDetail; m: Match }) {
  const { t } = useTranslation('events');
  const state = m.fires ? 'fires' : m.state === 'enabled' ? 'none' : m.state;
  return (
    <li data-trigger={m.trigger}>
      <span className={`reason-state is-${state}`}>{t(`match.${state}`)}</span>
      <span className="reason-who">
        <Link to="/functions/$name/{-$tab}" params={{ name: m.function, tab: 'triggers' }} search={{ trigger: m.trigger }}>
          {m.trigger}
        </Link>
        <span className="dim"> › {m.function}</span>
      </span>
      <span className="reason-why">{m.fires ? t('firesNow') : <Said why={m.why} message={m.reason} whole />}</span>
      <span className="reason-do">
        {m.fires ? (
          <Replay e={e} function={m.function} trigger={m.trigger} />
        ) : (
          <Link to="/functions/$name/{-$tab}" params={{ name: m.function, tab: 'triggers' }} search={{ trigger: m.trigger, section: 'edit' }}>
            {t('editTrigger')}
          </Link>
        )}
        <Link to="/functions/$name/{-$tab}" params={{ name: m.function, tab: 'test' }} search={{ event: e.id }}>
          {t('asTestEvent')}
        </Link>
      </span>
    </li>
  );
}

/** Mend leads to a trigger that would have matched, or to a test, of a function of the reader's choice. */
function Mend({ e }: { e: EventDetail }) {
  const { t } = useTranslation('events');
  const [name, setName] = useState<string>();
  const { fn } = useResources();
  const create = useMay('fc:CreateTrigger', fn(name ?? ''), !name);
  return (
    <div className="mend row" role="group" aria-label={t('mend')}>
      <span>{t('mend')}</span>
      <FunctionSelect label={t('function')} placeholder={t('jobs.choose')} value={name} onChange={setName} />
      {name && create.allowed && (
        <Link to="/functions/$name/{-$tab}" params={{ name, tab: 'triggers' }} search={{ new: '1', bucket: e.bucket }} className="button-link">
          <PlusOutlined aria-hidden /> {t('createTrigger')}
        </Link>
      )}
      {name && (
        <Link to="/functions/$name/{-$tab}" params={{ name, tab: 'test' }} search={{ event: e.id }} className="button-link">
          <ExperimentOutlined aria-hidden /> {t('asTestEvent')}
        </Link>
      )}
      {!create.allowed && <span className="dim">{create.reason}</span>}
    </div>
  );
}
