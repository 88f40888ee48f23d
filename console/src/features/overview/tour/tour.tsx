import { ArrowRightOutlined, CheckOutlined } from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Alert, Button, Spin } from 'antd';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Owed } from '../../../api/gen';
import { useSession } from '../../../app/session';
import { objectPath } from '../../../shared/api';
import { MayButton } from '../../../shared/may';
import { Problem } from '../../../shared/ui';
import { useStep } from './may';
import { samplePicture } from './picture';
import { progress, type Progress } from './progress';
import { createFunction, createTrigger, head, outcome, triggerName, upload } from './steps';

/** Tour leads from an empty server to a processed picture, with one button for each step. */
export function Tour({ close }: { close: () => void }) {
  const { t } = useTranslation('overview');
  const { session } = useSession();
  const client = useQueryClient();
  const [at, setAt] = useState<Progress>(() => progress.begin());
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [failed, setFailed] = useState<Owed | null>(null);
  const [gone, setGone] = useState(false);
  const needs = useStep(at);
  const stop = useRef<AbortController>(null);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => () => stop.current?.abort(), []);

  const to = (p: Progress) => {
    progress.keep(p);
    setAt(p);
  };
  const step = async (work: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    setFailed(null);
    try {
      await work();
    } catch (err) {
      if (!stop.current?.signal.aborted) setProblem(err);
    } finally {
      setBusy(false);
    }
  };
  const first = () =>
    step(async () => {
      await createFunction(at.bucket, at.fn, session.account);
      to({ ...at, done: 1 });
      void client.invalidateQueries({ queryKey: ['functions'] });
      void client.invalidateQueries({ queryKey: ['buckets'] });
    });
  const second = () =>
    step(async () => {
      await createTrigger(at.bucket, at.fn, session.account, session.region);
      to({ ...at, done: 2 });
    });
  const third = () =>
    step(async () => {
      stop.current = new AbortController();
      const name = `kingfisher-${Date.now().toString(36)}.png`;
      const after = await head(at.bucket);
      await upload(at.bucket, name, await samplePicture());
      const other = await outcome(at.bucket, name, after, stop.current.signal);
      if (other) return setFailed(other);
      to({ ...at, done: 3, picture: name });
    });
  // Who comes back to a finished tour is not taken to its end.
  const finished = useRef(at.done === 3);
  useEffect(() => {
    if (at.done === 3 && !finished.current) end.current?.scrollIntoView({ block: 'nearest' });
    finished.current = at.done === 3;
  }, [at.done]);

  const steps: { title: string; why: ReactNode; made: ReactNode; act: () => Promise<void> }[] = [
    {
      title: t('tour.one'), why: t('tour.oneWhy', { bucket: at.bucket, fn: at.fn }), act: first,
      made: (
        <>
          <Link to="/buckets/$name/{-$tab}" params={{ name: at.bucket, tab: undefined }}>{at.bucket}</Link>
          {' · '}
          <Link to="/functions/$name/{-$tab}" params={{ name: at.fn, tab: undefined }}>{at.fn}</Link>
        </>
      ),
    },
    {
      title: t('tour.two'), why: t('tour.twoWhy'), act: second,
      made: <Link to="/functions/$name/{-$tab}" params={{ name: at.fn, tab: 'triggers' }}>{triggerName}</Link>,
    },
    { title: t('tour.three'), why: t('tour.threeWhy'), act: third, made: at.picture && `source/${at.picture}` },
  ];
  return (
    <section className="tour" aria-labelledby="tour-title">
      <div className="tour-head">
        <h2 id="tour-title" tabIndex={-1}>{t('tour.title')}</h2>
        <Button type="text" onClick={close}>
          {t(at.done === 3 ? 'tour.close' : 'tour.skip')}
        </Button>
      </div>
      <p className="tour-lead">{t('tour.lead')}</p>
      <ol className="tour-steps">
        {steps.map((s, i) => {
          const done = at.done > i;
          const current = at.done === i;
          return (
            <li key={s.title} className={`tour-step ${done ? 'done' : current ? '' : 'waits'}`} aria-current={current ? 'step' : undefined}>
              <h3>
                <span className="tour-number">{done ? <CheckOutlined aria-label={t('tour.done')} /> : i + 1}</span>
                {s.title}
              </h3>
              {done ? <p className="tour-made">{s.made}</p> : <p>{s.why}</p>}
              {!done && (
                <div className="tour-act">
                  {current ? (
                    <MayButton {...needs.missing} type="primary" loading={busy} onClick={() => void s.act()}>
                      {t(`tour.act${i + 1}`)}
                    </MayButton>
                  ) : (
                    <Button disabled>{t(`tour.act${i + 1}`)}</Button>
                  )}
                </div>
              )}
            </li>
          );
        })}
      </ol>
      <div aria-live="polite">
        {busy && at.done === 2 && (
          <p className="row dim tour-waits">
            <Spin size="small" /> {t('tour.waits')}
          </p>
        )}
      </div>
      {!!problem && <Problem error={problem} retry={() => void steps[at.done]?.act()} />}
      {failed && (
        <Alert
          type="error" showIcon role="alert" title={t('tour.failed', { state: t(`events:state.${failed.state}`, { defaultValue: failed.state }) })} description={failed.last?.errorType ?? failed.reason}
          action={<Link to="/trace" search={{ run: failed.requestId }}>{t('tour.why')}</Link>}
        />
      )}
      {gone && (
        <Alert
          type="info" showIcon title={t('tour.gone')}
          action={
            <Button size="small" onClick={() => (setGone(false), setAt(progress.anew()))}>
              {t('tour.again')}
            </Button>
          }
        />
      )}
      {at.done === 3 && at.picture && !gone && (
        <div className="tour-pictures" ref={end}>
          <figure>
            <img src={objectPath(at.bucket, `source/${at.picture}`)} alt={t('tour.before')} width={320} height={200} onError={() => setGone(true)} />
            <figcaption className="mono">source/{at.picture}</figcaption>
          </figure>
          <ArrowRightOutlined className="tour-arrow" aria-hidden />
          <figure>
            <img src={objectPath(at.bucket, `processed/${at.picture}`)} alt={t('tour.after')} width={128} height={128} onError={() => setGone(true)} />
            <figcaption className="mono">processed/{at.picture}</figcaption>
          </figure>
          <div className="tour-end">
            <strong>{t('tour.success')}</strong>
            <span className="dim">{t('tour.successWhy')}</span>
            <Link to="/trace" search={{ bucket: at.bucket, key: `processed/${at.picture}` }}>
              {t('tour.trace')}
            </Link>
          </div>
        </div>
      )}
    </section>
  );
}
