import { FileZipOutlined, FolderOpenOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Alert, Button, Checkbox, Drawer, Form, Input, InputNumber, Radio, Select } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Role, Runtime } from '../../api/gen';
import { useSession } from '../../app/session';
import { Loading } from '../../app/shell';
import { api, fc, messageOf, type Refusal } from '../../shared/api';
import { bytes } from '../../shared/format';
import { MayButton, useResources } from '../../shared/may';
import { useThere } from '../../shared/there';
import { Problem } from '../../shared/ui';
import { keys, type Fn } from './api';
import { base64, bytesOf, maxZip, pack, unpack, type Entry, type Files } from './code/package';
import { cpuFor, fieldOf, type Fields } from './create-fields';
import { readFolder, type Folder } from './code/folder';
import { adapted, codeOf, templates, type Template } from '../../shared/templates/templates';
import './create.css';

type Source = 'template' | 'zip' | 'folder';

const defaults = { handler: 'index.handler', memory: 512, cpu: 0.35, timeout: 60 };
const none = 'none';

/** useStill is a text once the reader has stopped typing it. */
function useStill(text: string): string {
  const [still, setStill] = useState(text);
  useEffect(() => {
    const id = setTimeout(() => setStill(text), 300);
    return () => clearTimeout(id);
  }, [text]);
  return still;
}

/** CreateFunction makes a function and goes to its code. */
export function CreateFunction({ close }: { close: () => void }) {
  const { t } = useTranslation('functions');
  const { session } = useSession();
  const [form] = Form.useForm<Fields>();
  const client = useQueryClient();
  const navigate = useNavigate();
  const there = useThere();
  const runtimes = useQuery({ queryKey: ['runtimes'], queryFn: ({ signal }) => api.get<Runtime[]>('/runtimes', {}, signal), staleTime: 60_000 });
  const roles = useQuery({ queryKey: ['roles'], queryFn: ({ signal }) => api.get<Role[]>('/roles', {}, signal), retry: false });
  const [source, setSource] = useState<Source>('template');
  const [template, setTemplate] = useState<Template>('hello');
  const [zip, setZip] = useState<{ name: string; data: Uint8Array } | null>(null);
  const [folder, setFolder] = useState<Folder | null>(null);
  const [without, setWithout] = useState(false);
  const [codeError, setCodeError] = useState('');
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const chooseZip = useRef<HTMLInputElement>(null);
  const chooseFolder = useRef<HTMLInputElement>(null);

  const standard = `acs:ram::${session.account}:role/aliyunfcdefaultrole`;
  const first = runtimes.data?.find((r) => r.available && r.exact) ?? runtimes.data?.find((r) => r.available);
  const runtimeName = Form.useWatch('runtime', form) ?? first?.name;
  const runtime = runtimes.data?.find((r) => r.name === runtimeName);
  const { fn: resource } = useResources();
  const name = useStill(Form.useWatch('name', form) ?? '');

  /** code is the package to send, or null with the reason at its field. */
  const code = async (): Promise<Uint8Array | null> => {
    if (source === 'zip') {
      if (!zip) return setCodeError(t('create.zipNeeded')), null;
      return zip.data;
    }
    let files: Files;
    if (source === 'folder') {
      if (!folder) return setCodeError(t('create.folderNeeded')), null;
      files = new Map([...folder.files].filter(([p]) => !without || !/(^|\/)node_modules\//.test(p)));
    } else {
      const texts = await codeOf(template, runtime!);
      files = new Map(Object.entries(texts).map(([p, text]): [string, Entry] => [p, { data: bytesOf(text), mode: 0 }]));
    }
    const packed = pack(files);
    if (packed.length > maxZip) return setCodeError(t('create.tooLarge', { size: bytes(packed.length), most: bytes(maxZip) })), null;
    return packed;
  };

  const submit = async (v: Fields) => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    setCodeError('');
    try {
      const data = await code();
      if (!data) return;
      const fn = await fc.post<Fn>('/functions', {
        functionName: v.name, runtime: v.runtime, handler: v.handler, role: v.role === none ? '' : v.role, memorySize: v.memory, cpu: v.cpu, timeout: v.timeout,
        description: v.description ?? '', code: { zipFile: base64(data) },
      });
      void client.invalidateQueries({ queryKey: keys.all });
      if (there()) await navigate({ to: '/functions/$name/{-$tab}', params: { name: fn.functionName, tab: undefined } });
    } catch (err) {
      const field = fieldOf(err as Refusal);
      if (field === 'code') setCodeError(messageOf(err));
      else if (field) {
        form.setFields([{ name: field, errors: [messageOf(err)] }]);
        form.getFieldInstance(field)?.focus?.();
      } else setProblem(err);
    } finally {
      setBusy(false);
    }
  };

  const takeZip = async (file: File | undefined) => {
    if (!file) return;
    setCodeError('');
    if (file.size > maxZip) return setCodeError(t('create.tooLarge', { size: bytes(file.size), most: bytes(maxZip) }));
    const data = new Uint8Array(await file.arrayBuffer());
    try {
      if (data.length < 20 << 20) unpack(data);
      setZip({ name: file.name, data });
    } catch (err) {
      setZip(null);
      setCodeError(t('create.notZip', { name: file.name, why: messageOf(err) }));
    }
  };
  const takeFolder = async (list: FileList | null) => {
    if (!list?.length) return;
    setCodeError('');
    try {
      setFolder(await readFolder([...list].map((f) => ({ path: f.webkitRelativePath || f.name, file: f }))));
    } catch (err) {
      setFolder(null);
      setCodeError(messageOf(err));
    }
  };

  return (
    <Drawer
      open
      size={640}
      title={t('create.title')}
      onClose={close}
      footer={
        <div className="row create-foot">
          <Button onClick={close}>{t('common:cancel')}</Button>
          <MayButton action="fc:CreateFunction" resource={resource(name)} some={name === ''} type="primary" loading={busy} disabled={!first} onClick={() => form.submit()}>
            {t('create.button')}
          </MayButton>
        </div>
      }
    >
      {runtimes.isPending && <Loading />}
      {runtimes.error && <Problem error={runtimes.error} retry={() => void runtimes.refetch()} />}
      {!!problem && (
        <div className="gap-below">
          <Problem error={problem} />
        </div>
      )}
      {runtimes.data && (
        <Form<Fields>
          form={form}
          layout="vertical"
          requiredMark={false}
          scrollToFirstError
          initialValues={{ ...defaults, runtime: first?.name, role: standard }}
          onFinish={(v) => void submit(v)}
          disabled={busy}
        >
          <Form.Item
            name="name"
            label={t('create.name')}
            extra={t('create.nameRule')}
            rules={[
              { required: true, message: t('create.nameNeeded') },
              { pattern: /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, message: t('create.nameRule') },
            ]}
          >
            <Input autoFocus spellCheck={false} autoComplete="off" maxLength={64} />
          </Form.Item>
          <div className="create-pair">
            <Form.Item name="runtime" label={t('create.runtime')} extra={runtime && !runtime.exact ? runtime.why : undefined} rules={[{ required: true, message: t('create.runtimeNeeded') }]}>
              <Select
                aria-label={t('create.runtime')}
                options={runtimes.data.map((r) => ({ value: r.name, label: r.name, disabled: !r.available, why: r.why, install: r.install, version: r.version }))}
                optionRender={(o) => (
                  <div className="create-runtime">
                    <span>{o.data.label}</span>
                    <span className="create-why">{o.data.disabled ? `${o.data.why}. ${o.data.install ?? ''}` : o.data.version}</span>
                  </div>
                )}
              />
            </Form.Item>
            <Form.Item name="handler" label={t('create.handler')} rules={[{ required: true, message: t('create.handlerNeeded') }, { pattern: /^[^.].*\.[^./]+$/, message: t('create.handlerRule') }]}>
              <Input spellCheck={false} autoComplete="off" />
            </Form.Item>
          </div>
          <Form.Item name="role" label={t('create.role')} extra={roles.error ? t('create.roleOff', { why: messageOf(roles.error) }) : t('create.roleWhy')}>
            <Select
              aria-label={t('create.role')}
              disabled={!!roles.error}
              loading={roles.isPending}
              options={[
                ...(roles.data?.some((r) => r.arn.toLowerCase() === standard) ? [] : [{ value: standard, label: 'AliyunFCDefaultRole' }]),
                ...(roles.data ?? []).map((r) => ({ value: r.arn.toLowerCase() === standard ? standard : r.arn, label: r.name })),
                { value: none, label: t('create.noRole') },
              ]}
            />
          </Form.Item>
          <div className="create-three">
            <Form.Item name="memory" label={t('create.memory')} rules={[{ required: true, message: t('create.memoryRule') }, { type: 'number', min: 128, max: 32768, message: t('create.memoryRule') }]}>
              <InputNumber step={64} suffix="MB" className="create-number" onChange={(m) => typeof m === 'number' && form.setFieldValue('cpu', cpuFor(m))} />
            </Form.Item>
            <Form.Item name="cpu" label={t('create.cpu')} rules={[{ required: true, message: t('create.cpuRule') }, { type: 'number', min: 0.05, max: 16, message: t('create.cpuRule') }]}>
              <InputNumber step={0.05} suffix="vCPU" className="create-number" />
            </Form.Item>
            <Form.Item name="timeout" label={t('create.timeout')} rules={[{ required: true, message: t('create.timeoutRule') }, { type: 'number', min: 1, max: 86400, message: t('create.timeoutRule') }]}>
              <InputNumber suffix={t('create.seconds')} className="create-number" />
            </Form.Item>
          </div>
          <fieldset className="create-code">
            <legend>{t('create.code')}</legend>
            <Radio.Group
              optionType="button"
              value={source}
              aria-label={t('create.code')}
              onChange={(e) => {
                setSource(e.target.value as Source);
                setCodeError('');
              }}
              options={(['template', 'zip', 'folder'] as const).map((s) => ({ value: s, label: t(`create.from_${s}`) }))}
            />
            {source === 'template' && (
              <Radio.Group className="create-templates" value={template} aria-label={t('create.from_template')} onChange={(e) => setTemplate(e.target.value as Template)}>
                {templates.map((x) => (
                  <Radio key={x} value={x} className="create-template">
                    <strong>{t(`create.template_${x}`)}</strong>
                    <span className="dim">{t(adapted(x, runtime) ? 'create.template_resize8_why' : `create.template_${x}_why`)}</span>
                  </Radio>
                ))}
              </Radio.Group>
            )}
            {source === 'zip' && (
              <div className="create-drop" onDragOver={(e) => e.preventDefault()} onDrop={(e) => (e.preventDefault(), void takeZip(e.dataTransfer.files[0]))}>
                <Button icon={<FileZipOutlined />} onClick={() => chooseZip.current?.click()}>
                  {t('create.chooseZip')}
                </Button>
                <span className="dim">{zip ? `${zip.name} · ${bytes(zip.data.length)}` : t('create.zipHint', { most: bytes(maxZip) })}</span>
                <input ref={chooseZip} type="file" accept=".zip,application/zip" className="create-file" data-testid="zip" onChange={(e) => void takeZip(e.target.files?.[0])} />
              </div>
            )}
            {source === 'folder' && (
              <>
                <div className="create-drop">
                  <Button icon={<FolderOpenOutlined />} onClick={() => chooseFolder.current?.click()}>
                    {t('create.chooseFolder')}
                  </Button>
                  <span className="dim">{folder ? t('create.folderIs', { name: folder.name, count: folder.files.size, size: bytes(folder.size) }) : t('create.folderHint')}</span>
                  <input ref={chooseFolder} type="file" className="create-file" multiple data-testid="folder" {...{ webkitdirectory: '' }} onChange={(e) => void takeFolder(e.target.files)} />
                </div>
                {!!folder?.modules && (
                  <Alert
                    type="warning"
                    showIcon
                    title={t('create.modules', { count: folder.modules })}
                    description={
                      <Checkbox checked={without} onChange={(e) => setWithout(e.target.checked)}>
                        {t('create.withoutModules')}
                      </Checkbox>
                    }
                  />
                )}
              </>
            )}
            {codeError && (
              <div role="alert" className="create-error">
                {codeError}
              </div>
            )}
          </fieldset>
        </Form>
      )}
    </Drawer>
  );
}
