// The panel that creates and edits aliases. Load it with lazy().
import { DeleteOutlined, PlusOutlined } from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Button, Drawer, Form, Grid, Input, InputNumber, Select, Slider } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fc, messageOf, Refusal } from '../../../shared/api';
import { useThere } from '../../../shared/there';
import { Problem } from '../../../shared/ui';
import { keys, path, type Alias, type Version } from '../api';
import { rest, shareRule, sharesOf, weightsOf, withShare, type Share } from './weights';

interface Values {
  aliasName: string;
  versionId: string;
  description: string;
}

interface Props {
  fn: string;
  versions: Version[];
  alias?: Alias;
  /** back is the version to roll back to, filled in */
  back?: string;
  close: () => void;
}

export default function AliasPanel({ fn, versions, alias, back, close }: Props) {
  const { t } = useTranslation('functions');
  const wide = Grid.useBreakpoint().md ?? true;
  const client = useQueryClient();
  const there = useThere();
  const [form] = Form.useForm<Values>();
  const [shares, setShares] = useState<Share[]>(() => (alias && !back ? sharesOf(alias) : []));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [tried, setTried] = useState(false);
  const main = Form.useWatch('versionId', form) as string | undefined;
  const options = ['LATEST', ...versions.map((v) => v.versionId)].map((v) => {
    const d = versions.find((x) => x.versionId === v)?.description;
    return { value: v, label: d ? `${v} · ${d}` : v };
  });
  const wrong = shareRule(main ?? '', shares);
  const submit = async (v: Values) => {
    setTried(true);
    if (wrong) return;
    setBusy(true);
    setProblem(null);
    const body = { ...v, additionalVersionWeight: weightsOf(shares) };
    try {
      if (alias) await fc.put(`${path(fn)}/aliases/${encodeURIComponent(alias.aliasName)}`, { versionId: v.versionId, description: v.description, additionalVersionWeight: body.additionalVersionWeight });
      else await fc.post(path(fn) + '/aliases', body);
      await client.invalidateQueries({ queryKey: keys.one(fn) });
      if (there()) close();
    } catch (err) {
      setBusy(false);
      const r = err as Refusal;
      const field = r.code === 'AliasAlreadyExists' || /aliasName/.test(r.message) ? 'aliasName' : r.code === 'VersionNotFound' || r.message.startsWith('versionId') ? 'versionId' : r.message.startsWith('description') ? 'description' : undefined;
      if (field) form.setFields([{ name: field, errors: [messageOf(r)] }]);
      else setProblem(err);
    }
  };
  return (
    <Drawer
      open
      title={back ? t('version.rollBackOf', { alias: alias!.aliasName }) : alias ? t('version.editAlias', { alias: alias.aliasName }) : t('version.createAlias')}
      size={wide ? 560 : '100%'}
      onClose={close}
      className="alias-panel"
      footer={
        <div className="panel-foot">
          <Button onClick={close}>{t('common:cancel')}</Button>
          <Button type="primary" loading={busy} onClick={() => form.submit()}>
            {t('common:ok')}
          </Button>
        </div>
      }
    >
      <Form
        form={form} layout="vertical" requiredMark={false} disabled={busy} onFinish={(v) => void submit(v)}
        initialValues={{ aliasName: alias?.aliasName ?? '', versionId: back ?? alias?.versionId ?? versions[0]?.versionId ?? 'LATEST', description: alias?.description ?? '' }}
      >
        <Form.Item
          name="aliasName" label={t('version.aliasName')}
          rules={[{ required: true, message: t('version.aliasNeeded') }, { pattern: /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/, message: t('version.aliasRule') }]}
        >
          <Input disabled={!!alias} spellCheck={false} autoComplete="off" maxLength={128} placeholder="prod" />
        </Form.Item>
        <Form.Item name="versionId" label={t('version.version')} extra={back ? t('version.rollBackWhy', { now: alias!.versionId }) : t('version.versionHint')}>
          <Select showSearch options={options} />
        </Form.Item>
        <fieldset className="shares">
          <legend>{t('version.grey')}</legend>
          <p className="dim">{t('version.greyWhy')}</p>
          <div className="share main-share">
            <span className="clip">{main}</span>
            <span className="share-bar" aria-hidden>
              <i style={{ width: `${rest(shares)}%` }} />
            </span>
            <strong>{rest(shares)} %</strong>
          </div>
          {shares.map((s, i) => (
            <div className="share" key={i}>
              <Select
                aria-label={t('version.shareVersion')} value={s.version || undefined} placeholder={t('version.version')} showSearch
                status={tried && wrong && (s.version === '' || s.version === main) ? 'error' : undefined}
                options={options.filter((o) => o.value === s.version || (o.value !== main && !shares.some((x) => x.version === o.value)))}
                onChange={(version: string) => setShares((all) => all.map((x, j) => (j === i ? { ...x, version } : x)))}
              />
              <Slider
                min={0} max={100} value={s.percent} tooltip={{ open: false }} ariaLabelForHandle={t('version.shareOf', { version: s.version || '…' })}
                onChange={(n) => setShares((all) => withShare(all, i, n))}
              />
              <InputNumber
                min={0} max={100} precision={2} value={s.percent} suffix="%" aria-label={t('version.shareOf', { version: s.version || '…' })}
                onChange={(n) => setShares((all) => withShare(all, i, n ?? 0))}
              />
              <Button type="text" icon={<DeleteOutlined />} aria-label={t('version.shareRemove', { version: s.version || '…' })} onClick={() => setShares((all) => all.filter((_, j) => j !== i))} />
            </div>
          ))}
          {(tried || wrong === 'sharesMain') && wrong && <p className="field-error" role="alert">{t(`version.${wrong}`)}</p>}
          {shares.length < Math.min(10, versions.length) && (
            <Button icon={<PlusOutlined />} onClick={() => setShares((all) => [...all, { version: '', percent: Math.min(10, rest(all)) }])}>
              {t('version.shareAdd')}
            </Button>
          )}
        </fieldset>
        <Form.Item name="description" label={t('configuration.description')} rules={[{ max: 256, message: t('configuration.rule.description') }]}>
          <Input.TextArea rows={2} />
        </Form.Item>
      </Form>
      {problem ? <Problem error={problem} /> : null}
    </Drawer>
  );
}
