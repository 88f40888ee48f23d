import { DeleteOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Drawer, Form, Input, Select } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { TestEvent } from '../../../api/gen';
import { messageOf, type Refusal } from '../../../shared/api';
import { TabStrip } from '../../../shared/tab-strip';
import { Problem } from '../../../shared/ui';
import { keys } from '../api';
import { ContentField } from './content-field';
import { beginOf, dropTestEvent, eventTypes, exampleKey, sample, saveTestEvent, testEventsOf } from './samples';
import { choose, pretty, wrongJSON, type Unsaved } from './session';

const plain = '{\n  "key1": "value1",\n  "key2": "value2"\n}';

/** Configure is the panel Configure Test Parameters. from is what to begin a new event with. */
export function Configure({ name, from, saved, close, run }: { name: string; from?: Unsaved; saved?: string; close: () => void; run: (u: Unsaved) => void }) {
  const { t } = useTranslation('functions');
  const list = useQuery(testEventsOf(name));
  const [tab, setTab] = useState<'new' | 'modify'>(saved !== undefined ? 'modify' : 'new');
  const done = (e: TestEvent) => {
    choose(name, { saved: e.name });
    close();
  };
  return (
    <Drawer open size={680} title={t('test.configure')} onClose={close} destroyOnHidden classNames={{ body: 'configure' }}>
      <TabStrip
        label={t('test.configure')}
        active={tab}
        onChange={setTab}
        tabs={[
          { key: 'new', label: t('test.createNew') },
          { key: 'modify', label: t('test.modify'), disabled: list.data?.length === 0 },
        ]}
      />
      {list.error && <Problem error={list.error} retry={() => void list.refetch()} />}
      {list.data && tab === 'new' && <CreateNew name={name} from={from} taken={list.data} done={done} close={close} run={run} />}
      {list.data && tab === 'modify' && <Modify name={name} list={list.data} first={saved} done={done} close={close} />}
    </Drawer>
  );
}

function Foot({ busy, ok, close, children }: { busy: boolean; ok: () => void; close: () => void; children?: React.ReactNode }) {
  const { t } = useTranslation('functions');
  return (
    <div className="row configure-foot">
      {children}
      <span className="grow" />
      <Button onClick={close}>{t('common:cancel')}</Button>
      <Button type="primary" loading={busy} onClick={ok}>
        {t('common:ok')}
      </Button>
    </div>
  );
}

interface Form1 {
  event: string;
}

function CreateNew({ name, from, taken, done, close, run }: { name: string; from?: Unsaved; taken: TestEvent[]; done: (e: TestEvent) => void; close: () => void; run: (u: Unsaved) => void }) {
  const { t } = useTranslation('functions');
  const [form] = Form.useForm<Form1>();
  const client = useQueryClient();
  const begin = useQuery({ ...beginOf(name), enabled: !from });
  const [content, setContent] = useState(from?.content ?? plain);
  const [contentError, setContentError] = useState('');
  const [template, setTemplate] = useState(from ? 'given' : 'plain');
  const [bucket, setBucket] = useState('');
  const [key, setKey] = useState('');
  const [note, setNote] = useState<'' | 'absent' | 'found'>('');
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const asked = useRef(0);

  const fill = async (type: string, b: string, k: string) => {
    const turn = ++asked.current;
    setProblem(null);
    if (type === 'given') return setContent(from?.content ?? plain);
    if (type === 'plain') {
      setNote('');
      return setContent(plain);
    }
    try {
      const cloud = type.startsWith('cloud:');
      const s = await sample(name, type.replace(/^cloud:/, ''), b, k);
      if (turn !== asked.current) return;
      setContent(pretty(cloud ? s.cloud : s.native));
      setNote(s.found ? 'found' : 'absent');
    } catch (err) {
      if (turn === asked.current) setProblem(err);
    }
  };

  // A trigger's bucket and an object that is there make the first event.
  const began = useRef(false);
  useEffect(() => {
    const b = begin.data;
    if (began.current || from || !b || asked.current > 0) return;
    began.current = true;
    setBucket(b.bucket);
    setKey(b.key);
    setTemplate(b.type);
    setContent(b.content);
    setNote(b.there ? 'found' : 'absent');
  }, [begin.data, from]);

  const ofObject = template !== 'plain' && template !== 'given';
  const save = async ({ event }: Form1) => {
    if (wrongJSON(content)) return;
    setBusy(true);
    setProblem(null);
    setContentError('');
    try {
      const e = await saveTestEvent(name, event.trim(), content, true);
      await client.invalidateQueries({ queryKey: keys.testEvents(name) });
      done(e);
    } catch (err) {
      const r = err as Refusal;
      if (r.code === 'TestEventAlreadyExists' || /event name/.test(r.message)) form.setFields([{ name: 'event', errors: [messageOf(r)] }]);
      else if (r.code === 'EntityTooLarge') setContentError(messageOf(r));
      else setProblem(r);
      setBusy(false);
    }
  };
  return (
    <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} className="configure-form">
      <Form.Item
        name="event"
        label={t('test.eventName')}
        rules={[
          { required: true, whitespace: true, message: t('test.nameNeeded') },
          { pattern: /^[A-Za-z_][A-Za-z0-9_ -]{0,63}$/, message: t('test.nameRule') },
          { validator: async (_, v: string) => (taken.some((e) => e.name === v?.trim()) ? Promise.reject(new Error(t('test.nameTaken', { name: v.trim() }))) : undefined) },
        ]}
      >
        <Input autoFocus spellCheck={false} autoComplete="off" maxLength={64} />
      </Form.Item>
      <Form.Item label={t('test.template')}>
        <Select
          aria-label={t('test.template')}
          value={template}
          onChange={(v: string) => {
            setTemplate(v);
            void fill(v, bucket || 'testbucket', key || exampleKey('', ''));
          }}
          options={[
            ...(from ? [{ value: 'given', label: from.title }] : []),
            { value: 'plain', label: t('test.plain') },
            { label: t('test.native'), options: eventTypes.map((x) => ({ value: x, label: 'oss:' + x })) },
            { label: t('test.cloud'), options: eventTypes.map((x) => ({ value: 'cloud:' + x, label: 'oss:' + x + ' (EventBridge)' })) },
          ]}
        />
      </Form.Item>
      {ofObject && (
        <div className="configure-object">
          <label>
            {t('test.bucket')}
            <Input value={bucket} onChange={(e) => setBucket(e.target.value)} onBlur={() => void fill(template, bucket, key)} spellCheck={false} />
          </label>
          <label>
            {t('test.object')}
            <Input value={key} onChange={(e) => setKey(e.target.value)} onBlur={() => void fill(template, bucket, key)} spellCheck={false} />
          </label>
        </div>
      )}
      {ofObject && note && <p className={note === 'absent' ? 'configure-absent' : 'dim configure-note'}>{t(`test.${note}`, { bucket: bucket || 'testbucket', key })}</p>}
      <div className="configure-label">{t('test.content')}</div>
      <ContentField
        value={content}
        error={contentError}
        onChange={(v) => {
          asked.current++; // an answer that comes now does not replace what is typed
          setContent(v);
          setContentError('');
        }}
      />
      {!!problem && <Problem error={problem} />}
      <Foot busy={busy} ok={() => form.submit()} close={close}>
        <Button
          disabled={!!wrongJSON(content)}
          onClick={() => {
            run({ title: t('test.unsaved'), content, ...(from && { shown: from.shown, exact: from.exact }) });
            close();
          }}
        >
          {t('test.runUnsaved')}
        </Button>
      </Foot>
    </Form>
  );
}

function Modify({ name, list, first, done, close }: { name: string; list: TestEvent[]; first?: string; done: (e: TestEvent) => void; close: () => void }) {
  const { t } = useTranslation('functions');
  const client = useQueryClient();
  const [edits, setEdits] = useState<Record<string, string>>({});
  const [at, setAt] = useState(list.some((e) => e.name === first) ? first! : (list[0]?.name ?? ''));
  const [gone, setGone] = useState<TestEvent | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [contentError, setContentError] = useState('');
  const [busy, setBusy] = useState(false);
  const current = list.find((e) => e.name === at) ?? list[0];
  const content = current ? (edits[current.name] ?? current.content) : '';
  const change = async (f: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    setContentError('');
    try {
      await f();
      await client.invalidateQueries({ queryKey: keys.testEvents(name) });
    } catch (err) {
      if ((err as Refusal).code === 'EntityTooLarge') setContentError(messageOf(err));
      else setProblem(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="configure-form">
      {gone && (
        <Alert
          type="info"
          showIcon
          className="gap-below"
          title={t('test.deleted', { name: gone.name })}
          action={
            <Button
              size="small"
              onClick={() =>
                void change(async () => {
                  await saveTestEvent(name, gone.name, gone.content, true);
                  setGone(null);
                  setAt(gone.name);
                })
              }
            >
              {t('test.undo')}
            </Button>
          }
        />
      )}
      {current && (
        <>
          <div className="configure-label">{t('test.eventName')}</div>
          <div className="configure-which gap-below">
            <Select aria-label={t('test.eventName')} value={current.name} onChange={setAt} options={list.map((e) => ({ value: e.name, label: e.name }))} className="grow" />
            <Button
              icon={<DeleteOutlined />}
              aria-label={t('test.deleteOne', { name: current.name })}
              onClick={() =>
                void change(async () => {
                  await dropTestEvent(name, current.name);
                  setGone(current);
                })
              }
            />
          </div>
          <div className="configure-label">{t('test.content')}</div>
          <ContentField
            name={`${current.name}.json`}
            value={content}
            error={contentError}
            onChange={(v) => {
              setEdits((x) => ({ ...x, [current.name]: v }));
              setContentError('');
            }}
          />
        </>
      )}
      {!!problem && <Problem error={problem} />}
      <Foot
        busy={busy}
        close={close}
        ok={() => {
          if (!current) return close();
          if (wrongJSON(content)) return;
          void change(async () => done(await saveTestEvent(name, current.name, content, false)));
        }}
      />
    </div>
  );
}
