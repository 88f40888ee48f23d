import { CloudUploadOutlined, DiffOutlined, DownloadOutlined, FileZipOutlined, MoreOutlined, UndoOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Alert, Button, Dropdown, Grid, Select, Splitter } from 'antd';
import { Suspense, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Loading } from '../../../app/shell';
import { shown, useShortcut } from '../../../app/shortcuts';
import { Refusal } from '../../../shared/api';
import { bytes } from '../../../shared/format';
import { lazy } from '../../../shared/lazy';
import { MayButton, useMay, useResources } from '../../../shared/may';
import { saveBytes } from '../../../shared/save';
import { Nothing, Problem, Time } from '../../../shared/ui';
import { functionOf, keys, type TabProps } from '../api';
import { TestBar } from '../test/bar';
import { ResultView } from '../test/result';
import { Running } from '../test/running';
import { useTests, type Tests } from '../test/session';
import { applied } from './changes';
import { FileTree, type FileTreeProps, type Mark } from './file-tree';
import { bytesOf, byPath, isLink, maxEditable, maxZip, pack, short, textOf, unpack, type Files } from './package';
import { fetchCode } from './remote';
import { Stale, useWorkspace } from './workspace';
import './code.css';

const Editor = lazy(() => import('../../../shared/editor'));
const Compare = lazy(() => import('./compare').then((m) => ({ default: m.Compare })));
const Conflicts = lazy(() => import('./conflicts').then((m) => ({ default: m.Conflicts })));

/** CodeTab edits LATEST; what is published is only shown. */
export function CodeTab(p: TabProps) {
  return p.qualifier === 'LATEST' ? <Edited {...p} /> : <Published {...p} />;
}

function Edited({ fn, versions, aliases }: TabProps) {
  const { t } = useTranslation('functions');
  const name = fn.functionName;
  const client = useQueryClient();
  const { workspace, state } = useWorkspace(name);
  const tests = useTests(name);
  const latest = useQuery({ ...functionOf(name, 'LATEST'), refetchInterval: 10_000, refetchOnWindowFocus: 'always' });
  const [newer, setNewer] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [comparing, setComparing] = useState(false);
  const [conflicts, setConflicts] = useState(false);
  const [kept, setKept] = useState(false);
  const [stale, setStale] = useState(false);
  const resource = useResources().fn(name);
  const mayDeploy = useMay('fc:UpdateFunction', resource);
  const upload = useRef<HTMLInputElement>(null);
  const files = useMemo(() => applied(state.files, state.changes), [state.files, state.changes]);
  const marks = useMemo(() => {
    const m = new Map<string, Mark>();
    for (const [path, c] of state.changes) m.set(path, state.conflicts.some((x) => x.path === path) ? 'conflict' : c.mine === null ? 'deleted' : state.files.has(path) ? 'edited' : 'added');
    return m;
  }, [state.files, state.changes, state.conflicts]);

  // Somebody else has deployed: with nothing edited here it is simply shown.
  const theirs = latest.data?.codeChecksum;
  const { dataUpdatedAt } = latest;
  useEffect(() => {
    const s = workspace.state;
    if (!theirs || s.deploying || s.checksum === '' || s.phase === 'loading') return;
    if (s.phase === 'ready' && theirs !== s.checksum && s.changes.size === 0) void workspace.join().catch(() => {});
    else setNewer(theirs !== s.checksum ? theirs : null);
  }, [theirs, dataUpdatedAt, workspace, state.checksum]);

  const join = async () => {
    setProblem(null);
    try {
      await workspace.join();
      setNewer(null);
      if (workspace.state.conflicts.length > 0) setConflicts(true);
    } catch (err) {
      setProblem(err);
    }
  };
  const onStale = () => {
    setNewer(null);
    setStale(true);
    if (workspace.state.conflicts.length > 0) setConflicts(true);
  };
  const deploy = async () => {
    const s = workspace.state;
    if (s.deploying || s.changes.size === 0) return;
    if (s.conflicts.length > 0) return setConflicts(true);
    setProblem(null);
    setStale(false);
    await client.cancelQueries({ queryKey: keys.fn(name, 'LATEST') });
    try {
      const made = await workspace.deploy();
      await client.cancelQueries({ queryKey: keys.fn(name, 'LATEST') }); // it was asked again while this was sent
      setNewer(null);
      client.setQueryData(keys.fn(name, 'LATEST'), made);
    } catch (err) {
      if (err instanceof Stale) {
        client.setQueryData(keys.fn(name, 'LATEST'), err.now);
        onStale();
      } else setProblem(err);
    }
  };
  useShortcut('mod+shift+d', t('code.deploy'), () => void deploy(), { always: true });
  useShortcut(
    'mod+s',
    t('code.saveDraft'),
    () =>
      void workspace.keep().then(() => {
        setKept(true);
        setTimeout(() => setKept(false), 2000);
      }),
    { always: true },
  );
  const takeZip = async (file: File | undefined) => {
    if (!file) return;
    setProblem(null);
    try {
      if (file.size > maxZip) throw new Error(t('create.tooLarge', { size: bytes(file.size), most: bytes(maxZip) }));
      const data = new Uint8Array(await file.arrayBuffer());
      if (data.length <= maxEditable && state.phase === 'ready') workspace.replace(unpack(data));
      else client.setQueryData(keys.fn(name, 'LATEST'), await workspace.deployZip(data));
    } catch (err) {
      setProblem(err instanceof Error && err.name !== 'Refusal' ? new Error(t('create.notZip', { name: file.name, why: err.message })) : err);
    }
  };
  const download = async () => {
    try {
      saveBytes(state.phase === 'ready' ? pack(files) : (await fetchCode(name, 'LATEST')).zip, `${name}.zip`);
    } catch (err) {
      setProblem(err);
    }
  };

  // Somebody deleted the function under this tab.
  const gone = problem instanceof Refusal && problem.code === 'FunctionNotFound' && state.phase === 'ready';
  const again = async () => {
    try {
      const made = await workspace.again(fn);
      setProblem(null);
      client.setQueryData(keys.fn(name, 'LATEST'), made);
      void client.invalidateQueries({ queryKey: keys.all });
    } catch (err) {
      setProblem(err);
    }
  };

  const unsaved = state.changes.size;
  return (
    <div className="code">
      <div className="code-bar">
        <span className="code-state" role="status">
          {state.checksum && (
            <span title={state.checksum}>
              {t('code.deployed')} <span className="mono">{short(state.checksum)}</span>
            </span>
          )}
          {unsaved > 0 && <span className="code-unsaved">{t('code.unsaved', { count: unsaved })}</span>}
          {kept && <span className="dim">{t('code.draftKept')}</span>}
        </span>
        <span className="grow" />
        <TestBar fn={fn} qualifier="LATEST" onStale={onStale} />
        <MayButton
          action="fc:UpdateFunction"
          resource={resource}
          type="primary"
          icon={<CloudUploadOutlined />}
          loading={state.deploying}
          disabled={state.phase !== 'ready' || unsaved === 0}
          onClick={() => void deploy()}
          title={shown('mod+shift+d')}
        >
          {t('code.deploy')}
        </MayButton>
        <Dropdown
          trigger={['click']}
          placement="bottomRight"
          menu={{
            items: [
              { key: 'compare', icon: <DiffOutlined />, label: t('code.compareMenu'), disabled: state.phase !== 'ready' },
              { key: 'download', icon: <DownloadOutlined />, label: t('code.download') },
              { key: 'upload', icon: <FileZipOutlined />, label: t('code.upload'), disabled: !mayDeploy.allowed },
              { type: 'divider' },
              { key: 'discard', icon: <UndoOutlined />, label: t('code.discardAll'), disabled: unsaved === 0 },
            ],
            onClick: ({ key }) => {
              if (key === 'compare') setComparing(true);
              else if (key === 'download') void download();
              else if (key === 'upload') upload.current?.click();
              else if (key === 'discard') workspace.discard();
            },
          }}
        >
          <Button icon={<MoreOutlined />} aria-label={t('code.more')} />
        </Dropdown>
        <input
          ref={upload}
          type="file"
          accept=".zip,application/zip"
          hidden
          data-testid="upload-zip"
          onChange={(e) => {
            void takeZip(e.target.files?.[0]);
            e.target.value = '';
          }}
        />
      </div>
      {!!problem && (
        <div className="gap-below">
          <Problem
            error={problem}
            next={
              gone ? (
                <span className="row">
                  {t('code.gone')}
                  <MayButton action="fc:CreateFunction" resource={resource} size="small" loading={state.deploying} onClick={() => void again()}>
                    {t('code.again')}
                  </MayButton>
                  <Button size="small" icon={<DownloadOutlined />} onClick={() => void download()}>
                    {t('code.downloadDraft')}
                  </Button>
                </span>
              ) : undefined
            }
          />
        </div>
      )}
      {state.conflicts.length > 0 && (
        <Alert
          type="warning"
          showIcon
          className="gap-below"
          title={t('code.undecided', { count: state.conflicts.length })}
          description={t('code.undecidedWhy')}
          action={
            <Button size="small" onClick={() => setConflicts(true)}>
              {t('code.decide')}
            </Button>
          }
        />
      )}
      {newer && unsaved > 0 && state.phase === 'ready' && (
        <Alert
          type="warning"
          showIcon
          className="gap-below"
          title={t('code.newer', { checksum: short(newer) })}
          description={t('code.newerWhy')}
          action={
            <Button size="small" onClick={() => void join()}>
              {t('code.join')}
            </Button>
          }
        />
      )}
      {(state.carried || stale) && unsaved > 0 && state.conflicts.length === 0 && !newer && (
        <Alert
          type={stale ? 'warning' : 'info'}
          showIcon
          className="gap-below"
          title={stale ? t('code.refused') : t('code.carried')}
          description={t('code.carriedWhy')}
          closable={{ onClose: () => (setStale(false), workspace.noticed()) }}
          action={
            <Button size="small" onClick={() => setComparing(true)}>
              {t('code.compare')}
            </Button>
          }
        />
      )}
      {state.restored !== undefined && unsaved > 0 && !state.carried && (
        <Alert
          type="info"
          showIcon
          className="gap-below"
          title={
            <>
              {t('code.restored')} <Time at={state.restored} />
            </>
          }
          closable={{ onClose: () => workspace.noticed() }}
          action={
            <Button size="small" onClick={() => workspace.discard()}>
              {t('code.discardAll')}
            </Button>
          }
        />
      )}
      {state.unkept && unsaved > 0 && <Alert type="warning" showIcon className="gap-below" title={t('code.unkept', { why: state.unkept })} />}
      {state.phase === 'failed' && <Problem error={state.problem} retry={() => void workspace.load(true)} />}
      {state.phase === 'large' && (
        <Nothing text={t('code.large', { size: bytes(state.size), most: bytes(maxEditable) })}>
          <div className="row code-large">
            <Button icon={<DownloadOutlined />} onClick={() => void download()}>
              {t('code.download')}
            </Button>
            <Button icon={<FileZipOutlined />} loading={state.deploying} onClick={() => upload.current?.click()}>
              {t('code.upload')}
            </Button>
          </div>
        </Nothing>
      )}
      {(state.phase === 'loading' || state.phase === 'idle') && <Loading />}
      {state.phase === 'ready' && (
        <Workbench
          name={name}
          handler={fn.handler}
          files={files}
          marks={marks}
          edit={{
            text: (path, text) => workspace.edit(path, bytesOf(text)),
            add: (path) => workspace.edit(path, new Uint8Array()),
            rename: (from, to) => workspace.rename(from, to),
            remove: (path) => workspace.edit(path, null),
            restore: (path) => workspace.discard(path),
          }}
          result={outcomeOf(name, tests)}
        />
      )}
      <Suspense>
        {comparing && <Compare name={name} files={files} deployed={state.files} versions={versions} aliases={aliases} close={() => setComparing(false)} />}
        {conflicts && <Conflicts name={name} close={() => setConflicts(false)} />}
      </Suspense>
    </div>
  );
}

function outcomeOf(name: string, tests: Tests): ReactNode {
  if (tests.running && tests.progress) return <Running since={tests.running} progress={tests.progress} />;
  const last = tests.results[0];
  return last && <ResultView key={last.requestId + last.at} name={name} result={last} />;
}

function Published({ fn, qualifier }: TabProps) {
  const { t } = useTranslation('functions');
  const name = fn.functionName;
  const tests = useTests(name);
  const code = useQuery({
    queryKey: ['functions', name, 'package', qualifier, fn.codeChecksum],
    queryFn: async ({ signal }) => {
      const { zip } = await fetchCode(name, qualifier, signal);
      return zip.length > maxEditable ? null : unpack(zip);
    },
    staleTime: Infinity,
  });
  return (
    <div className="code">
      <div className="code-bar">
        <span className="code-state">
          {qualifier} <span className="mono">{short(fn.codeChecksum)}</span>
        </span>
        <span className="grow" />
        <TestBar fn={fn} qualifier={qualifier} />
        <Button icon={<DownloadOutlined />} onClick={() => void fetchCode(name, qualifier).then(({ zip }) => saveBytes(zip, `${name}-${qualifier}.zip`))}>
          {t('code.download')}
        </Button>
      </div>
      <Alert
        type="info"
        showIcon
        className="gap-below"
        title={t('code.readOnly', { qualifier })}
        action={
          <Link to="." search={(s) => ({ ...s, qualifier: undefined })}>
            {t('code.toEdit')}
          </Link>
        }
      />
      {code.error && <Problem error={code.error} retry={() => void code.refetch()} />}
      {code.isPending && <Loading />}
      {code.data === null && <Nothing text={t('code.large', { size: bytes(fn.codeSize), most: bytes(maxEditable) })} />}
      {code.data && <Workbench name={name} handler={fn.handler} files={code.data} marks={new Map()} result={outcomeOf(name, tests)} />}
    </div>
  );
}

interface WorkbenchProps {
  name: string;
  handler: string;
  files: Files;
  marks: ReadonlyMap<string, Mark>;
  edit?: NonNullable<FileTreeProps['edit']> & { text: (path: string, text: string) => void };
  result?: ReactNode;
}

// first is the file that a reader most likely wants: the handler's.
function first(files: Files, handler: string): string {
  const stem = handler.slice(0, handler.lastIndexOf('.'));
  const texts = [...files.keys()].filter((p) => !p.endsWith('/')).sort(byPath);
  return texts.find((p) => p.replace(/\.\w+$/, '') === stem) ?? texts.find((p) => !p.includes('/')) ?? texts[0] ?? '';
}

function Workbench({ name, handler, files, marks, edit, result }: WorkbenchProps) {
  const { t } = useTranslation('functions');
  const wide = Grid.useBreakpoint().lg ?? true;
  const search = useSearch({ from: '/functions/$name/{-$tab}' });
  const navigate = useNavigate({ from: '/functions/$name/{-$tab}' });
  const wanted = search.file;
  const current = wanted !== undefined && (files.has(wanted) || marks.has(wanted)) ? wanted : first(files, handler);
  const open = (file: string) => void navigate({ search: (s) => ({ ...s, file }), replace: true });
  const tree: FileTreeProps = {
    paths: [...files.keys()],
    marks,
    current,
    onOpen: open,
    edit: edit && {
      ...edit,
      add: (p) => {
        edit.add(p);
        open(p);
      },
      rename: (a, b) => {
        edit.rename(a, b);
        open(b);
      },
    },
  };
  const pane = <Pane key={name} path={current} files={files} mark={marks.get(current)} edit={edit} />;
  if (!wide) {
    return (
      <div className="bench-narrow">
        <details className="bench-files">
          <summary>
            {t('code.files')} <span className="dim">({tree.paths.length})</span>
          </summary>
          <FileTree {...tree} />
        </details>
        <Select
          aria-label={t('code.file')}
          value={current || undefined}
          onChange={open}
          options={[...new Set([...tree.paths.filter((p) => !p.endsWith('/')), ...marks.keys()])].sort(byPath).slice(0, 500).map((p) => ({ value: p, label: marks.has(p) ? `${p} ●` : p }))}
        />
        <div className="bench-pane">{pane}</div>
        {result && <div className="bench-result">{result}</div>}
      </div>
    );
  }
  return (
    <Splitter className="bench">
      <Splitter.Panel defaultSize={210} min={140} max="40%" collapsible={{ start: false, end: true, showCollapsibleIcon: 'auto' }}>
        <FileTree {...tree} />
      </Splitter.Panel>
      <Splitter.Panel min={260}>{pane}</Splitter.Panel>
      {result && (
        <Splitter.Panel defaultSize="36%" min={240} max="60%">
          <div className="bench-result" tabIndex={0} role="region" aria-label={t('test.result')}>
            {result}
          </div>
        </Splitter.Panel>
      )}
    </Splitter>
  );
}

function Pane({ path, files, mark, edit }: { path: string; files: Files; mark?: Mark; edit?: WorkbenchProps['edit'] }) {
  const { t } = useTranslation('functions');
  const entry = files.get(path);
  const text = useMemo(() => (entry && !isLink(entry) ? textOf(entry.data) : null), [entry]);
  if (path === '') return <Nothing text={t('code.noFiles')} />;
  if (!entry) {
    return (
      <Nothing text={t('code.isDeleted', { path })}>
        <Button icon={<UndoOutlined />} onClick={() => edit?.restore(path)}>
          {t('code.restore', { path })}
        </Button>
      </Nothing>
    );
  }
  return (
    <div className="pane">
      <div className="pane-head">
        <span className="clip" title={path}>
          {path}
        </span>
        {mark && <span className={`pane-mark ${mark}`}>{t(`code.mark_${mark}`)}</span>}
        <span className="grow" />
        {mark && mark !== 'added' && edit && (
          <Button size="small" type="text" icon={<UndoOutlined />} onClick={() => edit.restore(path)}>
            {t('code.revert')}
          </Button>
        )}
      </div>
      <div className="pane-body">
        {text === null ? (
          <Nothing text={isLink(entry) ? t('code.link', { to: new TextDecoder().decode(entry.data) }) : t('code.binary', { size: bytes(entry.data.length) })}>
            <Button icon={<DownloadOutlined />} onClick={() => saveBytes(entry.data, path.split('/').pop() ?? path)}>
              {t('code.downloadFile')}
            </Button>
          </Nothing>
        ) : (
          <Suspense fallback={<Loading />}>
            <Editor name={path} label={t('code.editing', { path })} value={text} readOnly={!edit} onChange={(v) => edit?.text(path, v)} />
          </Suspense>
        )}
      </div>
    </div>
  );
}
