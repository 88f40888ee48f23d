import { CheckCircleFilled, CloseCircleFilled } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Select } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSettings } from '../../../app/settings';
import { messageOf, Refusal } from '../../../shared/api';
import { moment } from '../../../shared/format';
import { Said } from '../../../shared/said';
import { cloudOf, recentEvents, sampleOf, verdictOf } from './api';
import { pretty } from './config';
import { useSettled } from './fields';
import { JsonField } from './json-field';

interface Props {
  /** pattern: '' while there is none that holds */
  pattern: string;
  bucket?: string;
  prefix?: string;
  suffix?: string;
  event?: string;
}

/** Tester tries a pattern with an event, while either is typed. */
export function Tester({ pattern, bucket, prefix = '', suffix = '', event = '' }: Props) {
  const { t } = useTranslation('triggers');
  const { zone } = useSettings();
  const [text, setText] = useState('');
  const [picked, setPicked] = useState<string>();
  const [problem, setProblem] = useState('');
  const recent = useQuery(recentEvents(bucket ?? ''));
  const sent = useSettled(text);
  const verdict = useQuery({ ...verdictOf(pattern, sent), enabled: pattern !== '' && sent.trim() !== '' });
  const wrong = verdict.error instanceof Refusal && verdict.error.code === 'InvalidEvent' ? messageOf(verdict.error) : '';

  // What was asked for last, or typed since, is not written over by an answer that comes late.
  const wanted = useRef(0);
  const take = async (from: Promise<string>) => {
    const mine = ++wanted.current;
    setProblem('');
    try {
      const got = pretty(await from);
      if (mine === wanted.current) setText(got);
    } catch (err) {
      if (mine === wanted.current) setProblem(messageOf(err));
    }
  };
  const type = (v: string) => {
    wanted.current++;
    setOwn(true);
    setText(v);
  };
  const sample = () => {
    setPicked(undefined);
    const type = event.replace(/^oss:/, '').replace(/\*$/, 'PutObject') || 'ObjectCreated:PutObject';
    void take(sampleOf(type, bucket ?? 'examplebucket', type.startsWith('Bucket') ? '' : `${prefix}example${suffix}`));
  };
  // Until an event is picked or typed, there is one that suits the pattern.
  const [own, setOwn] = useState(false);
  useEffect(() => {
    if (!own) sample();
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [own, bucket, prefix, suffix, event]);
  return (
    <div className="tester">
      <p className="dim">{t('testerWhy')}</p>
      <div className="row gap-below">
        <Select
          aria-label={t('recentEvent')}
          className="tester-pick"
          placeholder={recent.data?.events?.length === 0 ? t('noRecent') : t('recentEvent')}
          value={picked}
          loading={recent.isFetching}
          notFoundContent={recent.error ? messageOf(recent.error) : t('noRecent')}
          options={(recent.data?.events ?? []).map((e) => ({ value: e.id, label: `${moment(Date.parse(e.time), zone)} · ${e.type.split(':').pop()} · ${e.bucket}${e.key ? '/' + e.key : ''}` }))}
          onChange={(id: string) => {
            setOwn(true);
            setPicked(id);
            void take(cloudOf(id));
          }}
        />
        <Button onClick={() => (setOwn(false), sample())}>{t('sample')}</Button>
      </div>
      {problem && <div className="field-error" role="alert">{problem}</div>}
      <JsonField name="event.json" label={t('eventJson')} value={text} onChange={type} invalid={!!wrong} height={200} />
      <div role="status" className="verdict">
        {pattern === '' ? (
          <span className="dim">{t('noPattern')}</span>
        ) : wrong ? (
          <span className="field-error">{wrong}</span>
        ) : verdict.error ? (
          <span className="field-error">{messageOf(verdict.error)}</span>
        ) : verdict.data && sent.trim() ? (
          verdict.data.matches ? (
            <span className="verdict-yes">
              <CheckCircleFilled aria-hidden /> {t('matches')}
            </span>
          ) : (
            <span className="verdict-no">
              <CloseCircleFilled aria-hidden /> {t('matchesNot')} <Said why={verdict.data.why} message={verdict.data.reason} />
            </span>
          )
        ) : (
          <span className="dim">{t('noEvent')}</span>
        )}
      </div>
    </div>
  );
}
