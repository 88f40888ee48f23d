// Publishing, rolling LATEST back, and deleting. Load it with lazy().
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Alert, Checkbox, Input, Modal } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fc, Refusal, send } from '../../../shared/api';
import { useThere } from '../../../shared/there';
import { Problem } from '../../../shared/ui';
import { functionOf, keys, path, type Alias, type Fn, type Version } from '../api';
import { base64, short } from '../code/package';
import { fetchCode } from '../code/remote';
import { triggersOf } from '../triggers/api';
import { settingsOf } from './settings';

/** useDoing does one thing, then closes; or keeps what went wrong. */
function useDoing(fn: string, close: () => void) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const there = useThere();
  const doing = useRef(false); // Enter comes past the button
  const go = async (f: () => Promise<unknown>) => {
    if (doing.current) return;
    doing.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await f();
      await client.invalidateQueries({ queryKey: keys.one(fn) });
      if (there()) close(); // what is open else is none of its business
    } catch (err) {
      setProblem(err);
      setBusy(false);
    } finally {
      doing.current = false;
    }
  };
  return { busy, problem, go };
}

export function Publish({ fn, versions, close }: { fn: Fn; versions: Version[]; close: () => void }) {
  const { t } = useTranslation('functions');
  const [description, setDescription] = useState('');
  const [same, setSame] = useState<string | null>(null);
  const { busy, problem, go } = useDoing(fn.functionName, close);
  const long = description.length > 256;
  const publish = () =>
    go(async () => {
      const v = await fc.post<Version>(path(fn.functionName) + '/versions', { description });
      if (versions.some((x) => x.versionId === v.versionId)) {
        setSame(v.versionId);
        throw new Refusal(200, '', t('version.unchanged', { version: v.versionId }));
      }
    });
  return (
    <Modal open title={t('version.publish')} okText={t('common:ok')} confirmLoading={busy} okButtonProps={{ disabled: long }} onOk={() => void publish()} onCancel={close}>
      <p>{t('version.publishWhy')}</p>
      <label htmlFor="version-description">{t('configuration.description')}</label>
      <Input
        id="version-description" value={description} onChange={(e) => setDescription(e.target.value)} onPressEnter={() => !long && void publish()} autoFocus status={long ? 'error' : undefined}
        aria-invalid={long} aria-describedby="version-description-why"
      />
      <div id="version-description-why" className="field-error" role={long ? 'alert' : undefined}>
        {long && t('configuration.rule.description')}
      </div>
      {same ? <Alert type="info" showIcon title={t('version.unchanged', { version: same })} /> : problem ? <Problem error={problem} /> : null}
    </Modal>
  );
}

/** Restore makes LATEST what a version is. */
export function Restore({ fn, version, close }: { fn: string; version: string; close: () => void }) {
  const { t } = useTranslation('functions');
  const [code, setCode] = useState(true);
  const [settings, setSettings] = useState(true);
  const { busy, problem, go } = useDoing(fn, close);
  const there = useQuery(functionOf(fn, version));
  const restore = () =>
    go(async () => {
      const at = '/fc/2023-03-30' + path(fn);
      const etag = (await send(at)).headers.get('ETag') ?? '';
      const body: Record<string, unknown> = settings ? settingsOf(there.data!) : {};
      if (code) body.code = { zipFile: base64((await fetchCode(fn, version)).zip) };
      await send(at, { method: 'PUT', headers: { 'Content-Type': 'application/json', 'If-Match': etag }, body: JSON.stringify(body) });
    });
  return (
    <Modal
      open title={t('version.restoreOne', { version })} okText={t('version.restore')} confirmLoading={busy} okButtonProps={{ disabled: !there.data || (!code && !settings) }}
      onOk={() => void restore()} onCancel={close}
    >
      <p>{t('version.restoreWhy', { version })}</p>
      <div className="stack">
        <Checkbox checked={code} onChange={(e) => setCode(e.target.checked)}>
          {t('tab.code')} {there.data && <span className="dim mono">{short(there.data.codeChecksum)}</span>}
        </Checkbox>
        <Checkbox checked={settings} onChange={(e) => setSettings(e.target.checked)}>
          {t('tab.configuration')}
        </Checkbox>
      </div>
      {problem ? <Problem error={problem} /> : null}
    </Modal>
  );
}

/** Remove deletes a version or an alias, and says what stands in the way. */
export function Remove({ fn, version, alias, aliases, close }: { fn: string; version?: string; alias?: string; aliases: Alias[]; close: () => void }) {
  const { t } = useTranslation('functions');
  const what = version ?? alias!;
  const { busy, problem, go } = useDoing(fn, close);
  const triggers = useQuery(triggersOf(fn));
  const bound = (triggers.data ?? []).filter((x) => x.qualifier === what);
  const pointing = version ? aliases.filter((a) => a.versionId === version || version in (a.additionalVersionWeight ?? {})) : [];
  const stands = bound.length + pointing.length > 0;
  return (
    <Modal
      open title={t(version ? 'version.deleteVersion' : 'version.deleteAlias', { name: what })} okText={t('common:delete')} confirmLoading={busy}
      okButtonProps={{ danger: true, disabled: stands || triggers.isPending }} onCancel={close}
      onOk={() => void go(() => fc.del(`${path(fn)}/${version ? 'versions' : 'aliases'}/${encodeURIComponent(what)}`))}
    >
      {stands ? (
        <Alert
          type="warning"
          showIcon
          title={t('version.inTheWay')}
          description={
            <ul className="in-the-way">
              {pointing.map((a) => (
                <li key={a.aliasName}>{t('version.wayAlias', { alias: a.aliasName })}</li>
              ))}
              {bound.map((x) => (
                <li key={x.triggerId}>
                  <Link to="/functions/$name/{-$tab}" params={{ name: fn, tab: 'triggers' }} search={{ trigger: x.triggerName }}>
                    {t('version.wayTrigger', { trigger: x.triggerName })}
                  </Link>
                </li>
              ))}
            </ul>
          }
        />
      ) : (
        <p>{t(version ? 'version.deleteVersionWhy' : 'version.deleteAliasWhy')}</p>
      )}
      {problem ? <Problem error={problem} /> : null}
    </Modal>
  );
}
