import { ArrowRightOutlined, SaveOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Alert, Button, Checkbox, Input, InputNumber, Segmented, Select, Spin } from 'antd';
import { useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../../app/session';
import { messageOf, objectPath, Refusal, send } from '../../../shared/api';
import { bytes } from '../../../shared/format';
import { May, MayButton, useResources } from '../../../shared/may';
import { useRested } from '../../../shared/rested';
import { Copy, toClipboard } from '../../../shared/ui';
import { keys, link, ossAddress, saveAs, type ObjectInfo } from '../api';
import { folderOf, keyProblem } from '../objects/names';
import { build, formats, gravities, modes, parse, processedName, saving, snippets, type Recipe } from './process';

const toImage = (path: string) => async ({ signal }: { signal: AbortSignal }) => {
  const r = await send(path, { signal });
  const type = r.headers.get('Content-Type') ?? '';
  const blob = await r.blob();
  return { type, size: blob.size, blob, text: type.startsWith('application/json') ? await blob.text() : '' };
};

/** Playground tries x-oss-process on an image: before and after, and the code that does it. */
export function Playground({ bucket, objectKey: key, info }: { bucket: string; objectKey: string; info: ObjectInfo }) {
  const { t } = useTranslation('buckets');
  const [process, setProcess] = useState('image/resize,w_300');
  const tried = useRested(process.trim());
  const recipe = parse(process.trim());
  const after = useQuery({
    queryKey: ['process', bucket, key, info.etag, tried],
    queryFn: toImage(`${objectPath(bucket, key)}?x-oss-process=${encodeURIComponent(tried)}`),
    enabled: tried !== '', retry: false, gcTime: 60_000, staleTime: Infinity,
    placeholderData: (before) => before,
  });
  const set = (change: Partial<Recipe>) => setProcess(build({ ...recipe, ...change }));
  return (
    <div className="playground">
      <div className="sides">
        <Side title={t('process.before')} size={info.size} type={info.contentType}>
          {(on) => <Shown src={`${objectPath(bucket, key)}?v=${encodeURIComponent(info.etag)}`} alt={t('process.before')} on={on} />}
        </Side>
        <ArrowRightOutlined className="sides-arrow" aria-hidden />
        <Side title={t('process.after')} size={after.data && !after.error && tried ? after.data.size : undefined} type={after.data?.type} busy={after.isFetching}>
          {(on) =>
            tried === '' ? (
              <span className="dim">{t('process.empty')}</span>
            ) : after.error ? (
              <div role="alert" className="side-error">
                <b>{after.error instanceof Refusal ? after.error.code : ''}</b> {messageOf(after.error)}
              </div>
            ) : after.data?.text ? (
              <pre tabIndex={0} className="side-text">{pretty(after.data.text)}</pre>
            ) : after.data ? (
              <Blobbed blob={after.data.blob} alt={t('process.after')} on={on} />
            ) : (
              <Spin />
            )
          }
        </Side>
      </div>

      <label htmlFor="process-string">{t('process.string')}</label>
      <div className="row string">
        <Input id="process-string" value={process} onChange={(e) => setProcess(e.target.value)} spellCheck={false} autoComplete="off" className="mono grow" placeholder="image/resize,w_300" allowClear />
        <Copy text={process} label={t('process.copyString')} />
      </div>

      {recipe ? (
        <Controls recipe={recipe} set={set} />
      ) : (
        <Alert type="info" showIcon className="gap-above" title={t('process.raw')} action={<Button size="small" onClick={() => setProcess('')}>{t('clear')}</Button>} />
      )}
      <Save key={key} bucket={bucket} objectKey={key} process={tried} format={recipe?.format} ok={!!after.data && !after.error && !after.data.text && tried !== '' && tried === process.trim()} />
      <Code bucket={bucket} objectKey={key} process={tried} />
    </div>
  );
}

const pretty = (text: string) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

function Side({ title, size, type, busy, children }: { title: string; size?: number; type?: string; busy?: boolean; children: (on: (px: string) => void) => ReactNode }) {
  const [px, setPx] = useState('');
  return (
    <figure className="side">
      <div className="side-image" aria-busy={busy}>
        {children(setPx)}
      </div>
      <figcaption>
        <b>{title}</b>
        <span className="dim">{[px, size === undefined ? '' : bytes(size), type?.replace('image/', '').toUpperCase()].filter(Boolean).join(' · ')}</span>
      </figcaption>
    </figure>
  );
}

function Shown({ src, alt, on }: { src: string; alt: string; on: (px: string) => void }) {
  const { t } = useTranslation('buckets');
  const [broken, setBroken] = useState(false);
  useEffect(() => setBroken(false), [src]);
  if (broken) return <span className="dim">{t('preview.broken')}</span>;
  return <img src={src} alt={alt} onLoad={(e) => on(`${e.currentTarget.naturalWidth} × ${e.currentTarget.naturalHeight}`)} onError={() => (setBroken(true), on(''))} />;
}

function Blobbed({ blob, alt, on }: { blob: Blob; alt: string; on: (px: string) => void }) {
  const [src, setSrc] = useState('');
  useEffect(() => {
    const url = URL.createObjectURL(blob);
    setSrc(url);
    return () => URL.revokeObjectURL(url);
  }, [blob]);
  return src ? <Shown src={src} alt={alt} on={on} /> : null;
}

function Num({ label, value, set, min = 1, max = 16384, unit }: { label: string; value: number | undefined; set: (n: number | undefined) => void; min?: number; max?: number; unit?: string }) {
  return (
    <label className="control">
      <span>{label}</span>
      <InputNumber size="small" value={value ?? null} min={min} max={max} precision={0} onChange={(n) => set(n ?? undefined)} aria-label={label} suffix={unit} />
    </label>
  );
}

function Controls({ recipe, set }: { recipe: Recipe; set: (r: Partial<Recipe>) => void }) {
  const { t } = useTranslation('buckets');
  const { resize = {}, crop = {}, quality, blur } = recipe;
  // A mode or a color without a size does nothing: it is kept until there is one.
  const [mode, setMode] = useState(resize.mode ?? 'lfit');
  const size = (change: Recipe['resize']) => {
    const next = { ...resize, mode: mode === 'lfit' ? resize.mode : mode, ...change };
    set({ resize: next });
  };
  const choose = (label: string, value: string | number, options: { value: string | number; label: string }[], change: (v: string) => void) => (
    <span className="control">
      <span>{label}</span>
      <Select size="small" aria-label={label} value={value} options={options} onChange={(v) => change(String(v))} popupMatchSelectWidth={false} />
    </span>
  );
  return (
    <div className="controls">
      <fieldset>
        <legend>{t('process.resize')}</legend>
        {choose(t('process.mode'), mode, modes.map((m) => ({ value: m, label: `${m} · ${t(`process.mode_${m}`)}` })), (m) => {
          setMode(m as (typeof modes)[number]);
          set({ resize: { ...resize, mode: m === 'lfit' ? undefined : m } });
        })}
        <Num label={t('process.width')} value={resize.w} set={(w) => size({ w })} unit="px" />
        <Num label={t('process.height')} value={resize.h} set={(h) => size({ h })} unit="px" />
        <Num label={t('process.percent')} value={resize.p} set={(p) => size({ p })} max={1000} unit="%" />
        {mode === 'pad' && (
          <label className="control">
            <span>{t('process.color')}</span>
            <input type="color" aria-label={t('process.color')} value={'#' + (resize.color ?? 'ffffff')} onChange={(e) => size({ color: e.target.value.slice(1) })} />
          </label>
        )}
        <Checkbox checked={!!resize.enlarge} onChange={(e) => size({ enlarge: e.target.checked || undefined })}>
          {t('process.enlarge')}
        </Checkbox>
      </fieldset>
      <fieldset>
        <legend>{t('process.crop')}</legend>
        <Num label={t('process.width')} value={crop.w} set={(w) => set({ crop: { ...crop, w } })} max={30000} unit="px" />
        <Num label={t('process.height')} value={crop.h} set={(h) => set({ crop: { ...crop, h } })} max={30000} unit="px" />
        <Num label="x" value={crop.x} set={(x) => set({ crop: { ...crop, x } })} min={0} max={30000} unit="px" />
        <Num label="y" value={crop.y} set={(y) => set({ crop: { ...crop, y } })} min={0} max={30000} unit="px" />
        {choose(t('process.gravity'), crop.g ?? '', [{ value: '', label: '–' }, ...gravities.map((g) => ({ value: g, label: t(`process.g_${g}`) }))], (g) => set({ crop: { ...crop, g: g || undefined } }))}
      </fieldset>
      <fieldset>
        <legend>{t('process.turn')}</legend>
        {choose(t('process.rotate'), recipe.rotate ?? 0, [...new Set([0, 90, 180, 270, recipe.rotate ?? 0])].map((d) => ({ value: d, label: `${d}°` })), (d) => set({ rotate: Number(d) || undefined }))}
        {choose(t('process.flip'), recipe.flip ?? -1, [-1, 0, 1, 2].map((v) => ({ value: v, label: v < 0 ? '–' : t(`process.flip_${v}`) })), (v) => set({ flip: Number(v) < 0 ? undefined : Number(v) }))}
        <Num label={t('process.corners')} value={recipe.corners} set={(corners) => set({ corners })} max={4096} unit="px" />
        <Num label={t('process.circle')} value={recipe.circle} set={(circle) => set({ circle })} max={4096} unit="px" />
      </fieldset>
      <fieldset>
        <legend>{t('process.look')}</legend>
        <Num label={t('process.bright')} value={recipe.bright} set={(bright) => set({ bright })} min={-100} max={100} />
        <Num label={t('process.contrast')} value={recipe.contrast} set={(contrast) => set({ contrast })} min={-100} max={100} />
        <Num label={t('process.sharpen')} value={recipe.sharpen} set={(sharpen) => set({ sharpen })} min={50} max={399} />
        <Num label={t('process.blur')} value={blur?.r} set={(r) => set({ blur: r ? { r, s: blur?.s ?? r } : undefined })} max={50} />
      </fieldset>
      <fieldset>
        <legend>{t('process.output')}</legend>
        {choose(t('process.format'), recipe.format ?? '', [{ value: '', label: t('process.same') }, ...formats.map((f) => ({ value: f, label: f.toUpperCase() }))], (f) => set({ format: f || undefined }))}
        <Num label={t('process.quality')} value={quality?.value} set={(value) => set({ quality: value ? { ...quality, value } : undefined })} max={100} />
        <Checkbox checked={!!quality?.absolute} disabled={!quality} onChange={(e) => set({ quality: { ...quality!, absolute: e.target.checked || undefined } })}>
          {t('process.absolute')}
        </Checkbox>
      </fieldset>
    </div>
  );
}

function Save({ bucket, objectKey: key, process, format, ok }: { bucket: string; objectKey: string; process: string; format?: string; ok: boolean }) {
  const { t } = useTranslation('buckets');
  const client = useQueryClient();
  const resource = useResources();
  const suggested = processedName(key, format);
  const [target, setTarget] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [saved, setSaved] = useState('');
  const [problem, setProblem] = useState('');
  const name = target ?? suggested;
  const wrong = keyProblem(name);
  const go = async () => {
    setBusy(true);
    setProblem('');
    setSaved('');
    try {
      await saveAs(bucket, key, saving(process, bucket, name));
      setSaved(name);
      void client.invalidateQueries({ queryKey: keys.contents(bucket) });
      void client.invalidateQueries({ queryKey: keys.object(bucket, name) });
    } catch (err) {
      setProblem(messageOf(err));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="save">
      <label htmlFor="process-target">{t('process.saveAs')}</label>
      <div className="row string">
        <Input id="process-target" value={name} onChange={(e) => setTarget(e.target.value)} spellCheck={false} autoComplete="off" className="mono grow" status={wrong || problem ? 'error' : undefined} aria-describedby="process-saved" />
        <May action="oss:PostProcessTask" resource={resource.object(bucket, key)}>
          {(no) => (
            <MayButton action="oss:PutObject" resource={resource.object(bucket, folderOf(name))} some icon={<SaveOutlined />} loading={busy} disabled={no || !ok || !!wrong} onClick={() => void go()}>
              {t('process.save')}
            </MayButton>
          )}
        </May>
      </div>
      <div id="process-saved" role="status" className={problem || wrong ? 'field-problem' : 'dim'}>
        {wrong ? t(`keyProblem.${wrong}`) : problem}
        {saved && (
          <>
            {t('process.saved')}{' '}
            <Link from="/buckets/$name/{-$tab}" to="." search={{ prefix: folderOf(saved) || undefined, object: saved }}>
              {saved}
            </Link>{' '}
            ·{' '}
            <Link to="/trace" search={{ bucket, key: saved }}>
              {t('happened')}
            </Link>
          </>
        )}
        {!saved && !problem && !wrong && t('process.saveWhy')}
      </div>
    </div>
  );
}

function Code({ bucket, objectKey: key, process }: { bucket: string; objectKey: string; process: string }) {
  const { t } = useTranslation('buckets');
  const { session } = useSession();
  const [lang, setLang] = useState<'url' | 'node' | 'python' | 'nodeSave' | 'pythonSave'>('url');
  const [said, setSaid] = useState('');
  const address = useQuery(ossAddress(bucket));
  const at = { address: address.data ?? 'http://127.0.0.1:9000', region: session.region, bucket, key };
  const target = processedName(key, parse(process)?.format);
  const code = snippets(at, process);
  const keep = snippets(at, process, target);
  const path = '/' + bucket + '/' + key.split('/').map(encodeURIComponent).join('/');
  const text = { url: `${at.address}${path}?x-oss-process=${process}`, node: code.node, python: code.python, nodeSave: keep.node, pythonSave: keep.python }[lang];
  const signed = async () => {
    try {
      await toClipboard((await link(bucket, key, 3600, { process })).url);
      setSaid(t('linkCopied'));
    } catch (err) {
      setSaid(messageOf(err));
    }
  };
  if (process === '') return null;
  return (
    <div className="object-code">
      <div className="row">
        <Segmented
          aria-label={t('process.code')} value={lang} onChange={setLang}
          options={[{ value: 'url', label: 'URL' }, { value: 'node', label: 'Node.js' }, { value: 'python', label: 'Python' }, { value: 'nodeSave', label: t('process.saving', { lang: 'Node.js' }) }, { value: 'pythonSave', label: t('process.saving', { lang: 'Python' }) }]}
        />
        <span className="grow" />
        {lang === 'url' && <Button size="small" onClick={() => void signed()}>{t('process.signed')}</Button>}
        <Copy text={text} label={t('process.copyCode')} />
      </div>
      <pre tabIndex={0} role="region" aria-label={t('process.code')}>{text}</pre>
      <div role="status" className="dim">{said || (lang === 'url' && t('process.urlWhy'))}</div>
    </div>
  );
}
