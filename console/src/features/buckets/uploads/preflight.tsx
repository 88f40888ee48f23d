import { CloudUploadOutlined, ThunderboltFilled } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Alert, Button, Drawer, Input, Radio, Spin, Tag } from 'antd';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { UploadTriggers } from '../../../api/gen';
import { Refusal } from '../../../shared/api';
import { bytes, count } from '../../../shared/format';
import { Rows } from '../../../shared/rows';
import { Said } from '../../../shared/said';
import { useThere } from '../../../shared/there';
import { Problem } from '../../../shared/ui';
import { bucketTriggers, existing, lookUps, uploadTriggers } from '../api';
import { keyProblem, kindOf } from '../objects/names';
import { KindIcon } from '../parts';
import { eventOf, keepBoth, plan, sample, type Chosen } from './plan';
import { begin } from './queue';

type Clash = 'skip' | 'overwrite' | 'both';

/** Preflight shows what an upload will do, before it does. */
export function Preflight({ bucket, prefix, chosen, close }: { bucket: string; prefix: string; chosen: Chosen[]; close: () => void }) {
  const { t } = useTranslation('buckets');
  const [to, setTo] = useState(prefix);
  const [typed, setTyped] = useState(prefix);
  const [clash, setClash] = useState<Clash>('overwrite');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const { files, refused } = useMemo(() => plan(chosen, to), [chosen, to]);
  const total = useMemo(() => files.reduce((n, f) => n + f.file.size, 0), [files]);
  const judged = useMemo(() => sample(files, lookUps), [files]);
  // What was asked is what was chosen: a key of the query by identity of the choice.
  const id = useMemo(() => `${to}\0${files.length}\0${files[0]?.key}\0${total}`, [to, files, total]);
  const there = useQuery({ queryKey: ['preflight', bucket, id, 'there'], queryFn: ({ signal }) => existing(bucket, files.map((f) => f.key), signal), gcTime: 0, staleTime: 0, refetchOnWindowFocus: false });
  const fires = useQuery({
    queryKey: ['preflight', bucket, id, 'fires'],
    queryFn: () => uploadTriggers(bucket, judged.map((f) => ({ key: f.key, event: eventOf(f.file.size), size: f.file.size, contentType: f.file.type }))),
    gcTime: 0, staleTime: 0, refetchOnWindowFocus: false,
  });
  const taken = there.data?.taken ?? new Set<string>();
  const toProblem = to === '' ? undefined : keyProblem(to);
  const settle = () => {
    const v = typed.trim();
    const whole = v === '' || v.endsWith('/') ? v : v + '/';
    setTyped(whole);
    setTo(whole);
  };

  const still = useThere();
  const start = async () => {
    setBusy(true);
    setProblem(null);
    try {
      if (clash === 'both' && taken.size > 0) {
        const renamed = await keepBoth(files, taken, async (k) => (await existing(bucket, k)).taken);
        if (!still()) return; // it was cancelled
        begin(bucket, renamed, false);
      } else if (clash === 'skip') {
        begin(bucket, files.filter((f) => !taken.has(f.key)), false);
      } else begin(bucket, files, clash === 'overwrite');
      close();
    } catch (err) {
      setProblem(err);
      setBusy(false);
    }
  };
  const n = clash === 'skip' ? files.length - taken.size : files.length;
  const clashes = taken.size > 0 || !!there.data?.unknown;
  return (
    <Drawer
      open
      onClose={close}
      size={Math.min(640, window.innerWidth)}
      title={t('preflight.title')}
      className="preflight"
      footer={
        <div className="row drawer-foot">
          <Button onClick={close}>{t('common:cancel')}</Button>
          <Button type="primary" icon={<CloudUploadOutlined />} loading={busy} disabled={n <= 0 || !!toProblem || typed !== to || (there.isPending && !there.error)} onClick={() => void start()}>
            {t('preflight.start', { count: Math.max(0, n), n: count(Math.max(0, n)) })}
          </Button>
        </div>
      }
    >
      <p className="preflight-sum">
        <b>{t('preflight.files', { count: files.length, n: count(files.length) })}</b> · {bytes(total)}
      </p>
      <label htmlFor="preflight-to">{t('preflight.to')}</label>
      <Input
        id="preflight-to" value={typed} onChange={(e) => setTyped(e.target.value)} onBlur={settle} onPressEnter={settle} spellCheck={false} autoComplete="off" status={toProblem ? 'error' : undefined}
        prefix={<span className="dim mono">{bucket}/</span>} placeholder={t('preflight.toHint')} aria-describedby={toProblem ? 'preflight-to-problem' : undefined}
      />
      {toProblem && (
        <div id="preflight-to-problem" className="field-problem" role="alert">
          {t(`keyProblem.${toProblem}`)}
        </div>
      )}
      {refused.length > 0 && !toProblem && (
        <Alert
          type="warning" showIcon className="gap-above" title={t('preflight.refused', { count: refused.length, n: count(refused.length) })}
          description={refused.slice(0, 3).map((r) => <div key={r.path} className="clip">{`${r.path.slice(0, 80)}: ${t(`keyProblem.${r.why}`)}`}</div>)}
        />
      )}

      <h3>{t('preflight.happens')}</h3>
      <Firings bucket={bucket} q={fires} judged={judged.length} all={files.length} />

      <h3>{t('preflight.names')}</h3>
      {there.error && !there.data ? (
        <Problem error={there.error} retry={() => void there.refetch()} />
      ) : there.isPending ? (
        <Spin size="small" />
      ) : (
        <>
          <p>
            {taken.size === 0 ? t('preflight.noneThere') : t('preflight.someThere', { count: taken.size, n: count(taken.size) })} {!!there.data.unknown && t('preflight.checked', { n: count(files.length - there.data.unknown) })}
          </p>
          {clashes && (
            <Radio.Group aria-label={t('preflight.clash')} value={clash} onChange={(e) => setClash(e.target.value as Clash)} className="clash">
              <Radio value="overwrite">{t('preflight.overwrite')}</Radio>
              <Radio value="skip">{t('preflight.skip')}</Radio>
              <Radio value="both">{t('preflight.both')}</Radio>
            </Radio.Group>
          )}
        </>
      )}
      {problem !== null && <Problem error={problem} />}

      <h3>{t('preflight.list')}</h3>
      <Rows
        label={t('preflight.list')}
        items={files}
        keyOf={(f) => f.key}
        height="300px"
        rowHeight={38}
        columns={[
          {
            key: 'name', title: t('common:name'), width: '1fr',
            render: (f) => (
              <span className="object-name">
                <KindIcon kind={kindOf(f.key, f.file.type)} />
                <span className="clip" title={f.key}>
                  {f.key.slice(to.length)}
                </span>
                {taken.has(f.key) && <Tag color="warning">{t('preflight.exists')}</Tag>}
              </span>
            ),
          },
          { key: 'size', title: t('common:size'), width: '90px', end: true, render: (f) => bytes(f.file.size) },
        ]}
      />
    </Drawer>
  );
}

/** Firings says which triggers some changes would fire, and why the others would not. */
export function Firings({ bucket, q, judged, all }: { bucket: string; q: { data?: UploadTriggers; error: unknown; isPending: boolean; refetch: () => unknown }; judged: number; all: number }) {
  const { t } = useTranslation('buckets');
  const listed = useQuery({ ...bucketTriggers(bucket), enabled: !!q.data && q.data.fires?.length === 0 && q.data.quiet?.length === 0 });
  if (q.error instanceof Refusal && q.error.status === 403) return <p className="dim">{t('fires.mayNot')}</p>;
  if (q.error && !q.data) return <Problem error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Spin size="small" />;
  const { fires, quiet, alone, rules } = q.data;
  return (
    <div className="firings">
      {fires?.map((f) => (
        <div key={f.function + '/' + f.trigger} className="firing" data-trigger={f.trigger}>
          <ThunderboltFilled aria-hidden />
          <div>
            <div>
              <Link to="/functions/$name/{-$tab}" params={{ name: f.function, tab: undefined }} target="_blank">
                {f.function}
              </Link>{' '}
              <span className="dim">{t('fires.by', { trigger: f.trigger })}</span> · {t('fires.runs', { count: f.count, n: count(f.count) })}
            </div>
            <div className="dim clip" title={f.keys?.join('\n')}>
              {f.keys?.slice(0, 3).join(', ')}
              {f.count > 3 && ' …'}
            </div>
          </div>
        </div>
      ))}
      {fires && fires.length > 0 && alone > 0 && <p className="dim">{t('fires.alone', { count: alone, n: count(alone) })}</p>}
      {fires?.length === 0 && <p>{quiet && quiet.length > 0 ? t('fires.noneMatch') : listed.data?.triggers?.length === 0 ? t('fires.noTriggers') : t('fires.nothing')}</p>}
      {quiet?.map((m) => (
        <p key={m.function + '/' + m.trigger} className="quiet">
          <b>{m.trigger}</b> <span className="dim">({m.function})</span>: <Said why={m.why} message={m.reason} />
        </p>
      ))}
      {rules > 0 && fires?.length === 0 && <p className="dim">{t('fires.rules', { count: rules, n: count(rules) })}</p>}
      {judged < all && <p className="dim">{t('fires.checked', { n: count(judged) })}</p>}
    </div>
  );
}
