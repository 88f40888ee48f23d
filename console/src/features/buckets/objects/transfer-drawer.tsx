import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Drawer, Form, Input, Radio, Select, Spin } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf } from '../../../shared/api';
import { count } from '../../../shared/format';
import { useMay, useResources } from '../../../shared/may';
import { oss } from '../../../shared/oss';
import { useRested } from '../../../shared/rested';
import { existing, lookUps, uploadTriggers } from '../api';
import { Bar } from '../parts';
import { Firings } from '../uploads/preflight';
import { Failures } from './failures';
import { nameOf } from './names';
import { steps, transfer, wayProblem, type Chosen, type Progress, type Step } from './transfer';

const judgedMost = 100; // steps whose triggers are looked up

/** TransferDrawer copies, moves or renames what was chosen; it says before what that will start, and after it what became of each. */
export function TransferDrawer({ bucket, prefix, chosen, close }: { bucket: string; prefix: string; chosen: Chosen[]; close: (did: boolean) => void }) {
  const { t } = useTranslation('buckets');
  const one = chosen.length === 1 ? chosen[0] : undefined;
  const [move, setMove] = useState(false);
  const [to, setTo] = useState(bucket);
  const [typed, setTyped] = useState(one ? one.key : prefix);
  const target = useRested(typed.trim());
  const [overwrite, setOverwrite] = useState(false);
  const [like, setLike] = useState('');
  const [p, setP] = useState<Progress | null>(null);
  const [problem, setProblem] = useState('');
  const stop = useRef(new AbortController());
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => void (mounted.current = false);
  }, []);
  const resource = useResources();
  const mayGet = useMay('oss:GetObject', resource.object(bucket, one?.item ? one.key : prefix), !one?.item);
  const mayDelete = useMay('oss:DeleteObject', resource.object(bucket, one?.item ? one.key : prefix), !one?.item);
  const mayPut = useMay('oss:PutObject', resource.object(to, typed.trim()), true);
  const missing = mayGet.reason || mayPut.reason || (move ? mayDelete.reason : '');
  const way = { bucket, to, target: typed.trim(), move, overwrite };
  const wrong = wayProblem(chosen, way);
  const buckets = useQuery({ queryKey: ['buckets', 'like', like], queryFn: ({ signal }) => oss.buckets({ prefix: like, 'max-keys': 50 }, signal), placeholderData: (b) => b });
  const names = [...new Set([...(like ? [] : [to]), ...(buckets.data?.buckets.map((b) => b.name) ?? [])])];
  // Some of what would be done, to say what it starts and which names are taken.
  const ask = { queryKey: ['transfer', bucket, to, target, chosen.map((c) => c.key).join('\n')], enabled: !wrong && p === null, gcTime: 0, staleTime: 0, refetchOnWindowFocus: false } as const;
  const some = useQuery({
    ...ask,
    queryFn: async ({ signal }) => {
      const first: Step[] = [];
      let more = false;
      for await (const list of steps(chosen, { bucket, target }, signal)) {
        first.push(...list.slice(0, lookUps + 1 - first.length));
        if ((more = first.length > lookUps)) break;
      }
      const looked = first.slice(0, lookUps);
      return { looked, more, taken: (await existing(to, looked.map((s) => s.to), signal)).taken };
    },
  });
  const judged = some.data?.looked.slice(0, judgedMost) ?? [];
  const events = (event: string, key: 'from' | 'to') => judged.map((s) => ({ key: s[key], event, size: s.size }));
  const fires = useQuery({ ...ask, queryKey: [...ask.queryKey, 'fires'], enabled: ask.enabled && judged.length > 0, queryFn: () => uploadTriggers(to, events('oss:ObjectCreated:CopyObject', 'to')) });
  const deletes = useQuery({ ...ask, queryKey: [...ask.queryKey, 'deletes'], enabled: ask.enabled && move && judged.length > 0, queryFn: () => uploadTriggers(bucket, events('oss:ObjectRemoved:DeleteObject', 'from')) });
  const busy = p !== null && !p.over && !problem;
  const go = async () => {
    setProblem('');
    stop.current = new AbortController();
    try {
      const end = await transfer(chosen, way, (x) => mounted.current && setP(x), stop.current.signal, (why) => t(`keyProblem.${why}`));
      if (mounted.current && end.failures + end.skipped === 0 && !stop.current.signal.aborted) close(true);
    } catch (err) {
      if (mounted.current) setProblem(stop.current.signal.aborted ? t('carry.stopped') : messageOf(err));
    }
  };
  const leave = () => {
    stop.current.abort();
    close(p !== null);
  };
  return (
    <Drawer
      open
      onClose={leave}
      size={Math.min(640, window.innerWidth)}
      title={<div className="clip" title={one?.key}>{one ? t('carry.one', { name: nameOf(one.key) }) : t('carry.many', { n: count(chosen.length) })}</div>}
      className="preflight"
      footer={
        <div className="row drawer-foot">
          {busy ? <Button onClick={() => stop.current.abort()}>{t('remove.stop')}</Button> : <Button onClick={leave}>{p ? t('common:close') : t('common:cancel')}</Button>}
          {!(p?.over && p.failures === 0) && (
            <Button type="primary" loading={busy} disabled={!!wrong || !!missing || (!p && target !== typed.trim())} onClick={() => void go()}>
              {p && !busy ? t('carry.again') : move ? t('carry.move') : t('carry.copy')}
            </Button>
          )}
        </div>
      }
    >
      <Form layout="vertical" requiredMark={false} disabled={p !== null} component="div">
        <Form.Item>
          <Radio.Group aria-label={t('carry.what')} value={move} onChange={(e) => setMove(e.target.value as boolean)} className="clash">
            <Radio value={false}>{t('carry.copyWhy')}</Radio>
            <Radio value={true}>{one ? t('carry.renameWhy') : t('carry.moveWhy')}</Radio>
          </Radio.Group>
        </Form.Item>
        <Form.Item label={t('carry.bucket')}>
          <Select aria-label={t('carry.bucket')} value={to} onChange={setTo} options={names.map((value) => ({ value, label: value }))} showSearch={{ filterOption: false, onSearch: setLike }} onOpenChange={(o) => !o && setLike('')} notFoundContent={buckets.isFetching ? <Spin size="small" /> : undefined} />
        </Form.Item>
        <Form.Item
          label={one ? (one.item ? t('carry.key') : t('carry.folder')) : t('carry.into')} htmlFor="carry-to"
          validateStatus={wrong ? 'error' : undefined} help={wrong ? (wrong === 'same' || wrong === 'inside' ? t(`carry.${wrong}`) : t(`keyProblem.${wrong}`)) : undefined}
        >
          <Input.TextArea id="carry-to" value={typed} onChange={(e) => setTyped(e.target.value.replace(/[\r\n]/g, ''))} rows={2} spellCheck={false} autoComplete="off" placeholder={one ? undefined : t('preflight.toHint')} className="mono" />
        </Form.Item>
      </Form>
      {missing && <Alert type="warning" showIcon title={missing} />}
      {p === null && !wrong && (
        <>
          <h3>{t('preflight.names')}</h3>
          {some.isPending ? (
            <Spin size="small" />
          ) : some.error ? (
            <Alert type="warning" showIcon title={messageOf(some.error)} />
          ) : (
            <>
              <p>
                {some.data.looked.length === 0 && t('carry.nothing')} {some.data.taken.size === 0 ? some.data.looked.length > 0 && t('preflight.noneThere') : t('preflight.someThere', { count: some.data.taken.size, n: count(some.data.taken.size) })}{' '}
                {some.data.more && t('preflight.checked', { n: count(some.data.looked.length) })}
              </p>
              {(some.data.taken.size > 0 || some.data.more) && (
                <Radio.Group aria-label={t('preflight.clash')} value={overwrite} onChange={(e) => setOverwrite(e.target.value as boolean)} className="clash">
                  <Radio value={false}>{t('preflight.skip')}</Radio>
                  <Radio value={true}>{t('preflight.overwrite')}</Radio>
                </Radio.Group>
              )}
            </>
          )}
          <h3>{t('preflight.happens')}</h3>
          <p className="dim">{t('carry.copies')}</p>
          {judged.length > 0 && <Firings bucket={to} q={fires} judged={judged.length} all={some.data?.more ? Infinity : (some.data?.looked.length ?? 0)} />}
          {move && (
            <>
              <p className="dim">{t('carry.deletes')}</p>
              {judged.length > 0 && <Firings bucket={bucket} q={deletes} judged={judged.length} all={some.data?.more ? Infinity : (some.data?.looked.length ?? 0)} />}
            </>
          )}
        </>
      )}
      {p && (
        <div aria-live="polite">
          <Bar done={p.done + p.skipped + p.failures} of={p.found} label={move ? t('carry.move') : t('carry.copy')} />
          <p>
            {t(move ? 'carry.moved' : 'carry.copied', { n: count(p.done), of: count(p.found) })} {p.skipped > 0 && t('queue.skipped', { count: p.skipped, n: count(p.skipped) })} {p.over && stop.current.signal.aborted && t('carry.stopped')}
          </p>
          {p.failures > 0 && <Failures title={t('carry.failed', { count: p.failures, n: count(p.failures) })} of={p.failed} />}
        </div>
      )}
      {problem && <Alert type="error" showIcon title={problem} className="gap-above" />}
    </Drawer>
  );
}
