import { CaretRightOutlined, DownOutlined, SettingOutlined, StopOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Dropdown, Modal, Space } from 'antd';
import { Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useShortcut } from '../../../app/shortcuts';
import { lazy } from '../../../shared/lazy';
import { useMay, useResources } from '../../../shared/may';
import { Problem } from '../../../shared/ui';
import { keys, type Fn } from '../api';
import { short } from '../code/package';
import { Stale, useWorkspace } from '../code/workspace';
import { testEventsOf } from './samples';
import { choose, invoke, sent, stop, useTests, type Unsaved } from './session';

const Configure = lazy(() => import('./configure').then((m) => ({ default: m.Configure })));

export interface BarProps {
  fn: Fn;
  qualifier: string;
  /** event is what the page itself shows as the event, in place of the chosen one */
  event?: Unsaved;
  /** begin is what a new test event begins with */
  begin?: Unsaved;
  /** waits: the event is not there yet */
  waits?: boolean;
  onRun?: () => void;
  /** onStale: somebody else deployed first */
  onStale?: () => void;
}

/** TestBar is the button Test Function with Configure Test Parameters beside it. */
export function TestBar({ fn, qualifier, event, begin, waits, onRun, onStale }: BarProps) {
  const { t } = useTranslation('functions');
  const name = fn.functionName;
  const client = useQueryClient();
  const { workspace, state } = useWorkspace(name);
  const tests = useTests(name);
  const list = useQuery(testEventsOf(name));
  const [configuring, setConfiguring] = useState<{ from?: Unsaved; saved?: string; thenRun?: boolean } | null>(null);
  const [asking, setAsking] = useState<{ title: string; payload: string } | null>(null);
  const mayTest = useMay('fc:InvokeFunction', useResources().fn(name));
  const [problem, setProblem] = useState<unknown>(null);

  const chosen = tests.chosen ?? (list.data?.[0] ? { saved: list.data[0].name } : null);
  const savedOne = chosen && 'saved' in chosen ? list.data?.find((e) => e.name === chosen.saved) : undefined;
  const current: Unsaved | null = event ?? (savedOne ? { title: savedOne.name, content: savedOne.content } : chosen && 'content' in chosen ? chosen : null);

  // What would be tested, and with what, is not known before these answers.
  const notYet = waits || (!event && list.isPending && !(chosen && 'content' in chosen)) || (qualifier === 'LATEST' && (state.phase === 'idle' || state.phase === 'loading'));
  const [due, setDue] = useState<{ u: Unsaved | null } | null>(null); // to be tested when they are there

  const go = (title: string, payload: string) => {
    onRun?.();
    setAsking(null);
    void invoke(name, qualifier, title, payload);
  };
  const test = (u = current) => {
    if (tests.running) return;
    if (notYet) return setDue({ u: u === current ? null : u });
    if (!u) return setConfiguring({});
    const payload = sent(u);
    if (qualifier === 'LATEST' && state.changes.size > 0) return setAsking({ title: u.title, payload });
    go(u.title, payload);
  };
  useEffect(() => {
    if (!due || notYet) return;
    setDue(null);
    test(due.u ?? undefined);
  }, [due, notYet]);
  useShortcut('mod+enter', t('test.function'), () => test(), { always: true });

  const deployAndTest = async () => {
    if (!asking) return;
    setProblem(null);
    try {
      const made = await workspace.deploy();
      await client.cancelQueries({ queryKey: keys.fn(name, 'LATEST') }); // an older answer may be under way
      client.setQueryData(keys.fn(name, 'LATEST'), made);
      go(asking.title, asking.payload);
    } catch (err) {
      if (err instanceof Stale) {
        client.setQueryData(keys.fn(name, 'LATEST'), err.now);
        setAsking(null);
        onStale?.();
      } else setProblem(err);
    }
  };

  return (
    <>
      <Space.Compact>
        {tests.running ? (
          <Button icon={<StopOutlined />} onClick={() => stop(name)} title={t('test.stopWhat')}>
            {t('test.stop')}
          </Button>
        ) : (
          <Button icon={<CaretRightOutlined />} onClick={() => test()} disabled={!mayTest.allowed} loading={due !== null} title={mayTest.reason ? mayTest.reason : current ? `${current.title} · Ctrl Enter` : 'Ctrl Enter'}>
            {t('test.function')}
          </Button>
        )}
        <Dropdown
          trigger={['click']}
          placement="bottomRight"
          menu={{
            selectable: true,
            selectedKeys: event ? [] : chosen && 'saved' in chosen ? ['saved:' + chosen.saved] : chosen ? ['unsaved'] : [],
            items: [
              { key: 'configure', icon: <SettingOutlined />, label: t('test.configure') },
              { type: 'divider' },
              ...(list.data ?? []).map((e) => ({ key: 'saved:' + e.name, label: e.name })),
              ...(chosen && 'content' in chosen ? [{ key: 'unsaved', label: chosen.title }] : []),
              ...(!list.data?.length && !(chosen && 'content' in chosen) ? [{ key: 'none', disabled: true, label: t('test.noEvents') }] : []),
            ],
            onClick: ({ key }) => {
              if (key === 'configure') setConfiguring({ from: begin ?? (chosen && 'content' in chosen ? chosen : undefined), saved: !begin && chosen && 'saved' in chosen && savedOne ? chosen.saved : undefined });
              else if (key.startsWith('saved:')) choose(name, { saved: key.slice(6) });
            },
          }}
        >
          <Button icon={<DownOutlined />} aria-label={t('test.more')} />
        </Dropdown>
      </Space.Compact>
      <Suspense>
        {configuring && (
          <Configure
            name={name}
            {...configuring}
            close={() => setConfiguring(null)}
            run={(u) => {
              choose(name, u);
              test(u);
            }}
          />
        )}
      </Suspense>
      {asking && (
        <Modal
          open
          title={t('test.askTitle')}
          onCancel={() => setAsking(null)}
          footer={
            <div className="row create-foot">
              <Button onClick={() => setAsking(null)}>{t('common:cancel')}</Button>
              <Button onClick={() => go(asking.title, asking.payload)}>{t('test.testDeployed')}</Button>
              <Button type="primary" autoFocus loading={state.deploying} disabled={state.conflicts.length > 0} onClick={() => void deployAndTest()}>
                {t('test.deployAndTest')}
              </Button>
            </div>
          }
        >
          <p>{t('test.ask', { count: state.changes.size, checksum: short(state.checksum) })}</p>
          {state.conflicts.length > 0 && <Alert type="warning" showIcon title={t('code.undecided', { count: state.conflicts.length })} />}
          {!!problem && <Problem error={problem} />}
        </Modal>
      )}
    </>
  );
}
