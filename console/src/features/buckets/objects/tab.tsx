import {
  ApartmentOutlined, CopyOutlined, FileZipOutlined, SwapOutlined, DeleteOutlined, DownloadOutlined, EyeOutlined, FolderAddOutlined, FolderOpenOutlined, HomeOutlined, LinkOutlined, ReloadOutlined, UploadOutlined,
} from '@ant-design/icons';
import More from '@ant-design/icons-svg/es/asn/MoreOutlined';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Dropdown, Grid, Tooltip, type MenuProps } from 'antd';
import { Suspense, useCallback, useEffect, useMemo, useRef, useState, type DragEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Event } from '../../../api/gen';
import { useShortcut } from '../../../app/shortcuts';
import { Refusal } from '../../../shared/api';
import { bytes, count } from '../../../shared/format';
import { glyph } from '../../../shared/glyph';
import { href } from '../../../shared/href';
import { lazy } from '../../../shared/lazy';
import { shown } from '../../../shared/middle';
import type { Item, Listing } from '../../../shared/oss';
import { RowButton, RowLink, Rows, type Column } from '../../../shared/rows';
import { MayButton, mayProps, useMay, useResources } from '../../../shared/may';
import { SearchField } from '../../../shared/search-field';
import { Thumb, isImage } from '../../../shared/thumb';
import { Nothing, Problem, Time, toClipboard } from '../../../shared/ui';
import { downloadPath, keys, link, objectList } from '../api';
import { KindIcon } from '../parts';
import { fromDrop, fromInput } from '../uploads/gather';
import type { Chosen } from '../uploads/plan';
import { useUploads } from '../uploads/queue';
import { agrees } from './follow';
import { Following } from './following';
import { crumbs, extensionOf, kindOf, nameOf } from './names';

const MoreIcon = glyph(More);
const Preflight = lazy(() => import('../uploads/preflight').then((m) => ({ default: m.Preflight })));
const ObjectDrawer = lazy(() => import('../object/drawer').then((m) => ({ default: m.ObjectDrawer })));
const DeleteModal = lazy(() => import('./delete-modal').then((m) => ({ default: m.DeleteModal })));
const TransferDrawer = lazy(() => import('./transfer-drawer').then((m) => ({ default: m.TransferDrawer })));
const ZipModal = lazy(() => import('./zip-modal').then((m) => ({ default: m.ZipModal })));
const FolderModal = lazy(() => import('./folder-modal').then((m) => ({ default: m.FolderModal })));

type Entry = { key: string; item?: Item }; // without an item, it is a folder

// What a page lists keeps its entries when further pages come: rows that show them are not drawn again.
const known = new WeakMap<Listing, Entry[]>();
function entriesOf(page: Listing): Entry[] {
  let of = known.get(page);
  if (!of) known.set(page, (of = [...page.folders.map((key) => ({ key })), ...page.objects.map((item) => ({ key: item.key, item }))]));
  return of;
}

const thumbsUpTo = 200; // entries of a folder: more of them would keep the list waiting

/** ObjectsTab browses a bucket, and uploads into it. */
export function ObjectsTab({ bucket }: { bucket: string }) {
  const { t } = useTranslation('buckets');
  const { prefix = '', q = '', object } = useSearch({ from: '/buckets/$name/{-$tab}' });
  const navigate = useNavigate({ from: '/buckets/$name/{-$tab}' });
  const client = useQueryClient();
  const wide = Grid.useBreakpoint().sm ?? true;
  const list = useInfiniteQuery(objectList(bucket, prefix + q));
  const [selected, setSelected] = useState<Set<string>>(new Set());
  const [chosen, setChosen] = useState<Chosen[] | null>(null);
  const [reading, setReading] = useState(false);
  const [removing, setRemoving] = useState<string[] | null>(null);
  const [carrying, setCarrying] = useState<Entry[] | null>(null);
  const [zipping, setZipping] = useState<Entry[] | null>(null);
  const [naming, setNaming] = useState(false);
  const [over, setOver] = useState(0); // how deep a drag is in the page
  const [menu, setMenu] = useState<{ entry: Entry; button: HTMLElement } | null>(null);
  const [said, setSaid] = useState('');
  const [problem, setProblem] = useState<unknown>(null);
  const resource = useResources();
  const here = resource.object(bucket, prefix);
  const mayPut = useMay('oss:PutObject', here, true);
  const mayPutAny = useMay('oss:PutObject', resource.object(bucket, ''), true);
  const mayGet = useMay('oss:GetObject', here, true);
  const mayDelete = useMay('oss:DeleteObject', here, true);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);

  const entries = useMemo(() => {
    const out: Entry[] = [];
    const folders = new Set<string>();
    for (const page of list.data?.pages ?? []) {
      for (const e of entriesOf(page)) {
        // A folder may go on in the next page; the folder itself is not in itself.
        if (e.item ? e.key === prefix : folders.has(e.key)) continue;
        if (!e.item) folders.add(e.key);
        out.push(e);
      }
    }
    return out;
  }, [list.data, prefix]);

  useEffect(() => setSelected(new Set()), [bucket, prefix, q]);
  useEffect(() => {
    if (!said) return;
    const id = setTimeout(() => setSaid(''), 4000);
    return () => clearTimeout(id);
  }, [said]);

  // The list follows what happens, as long as it is short and nobody's pointer or focus is in it; else it says that it is behind.
  const box = useRef<HTMLDivElement>(null);
  const pointed = useRef(false);
  const [behind, setBehind] = useState<ReadonlySet<string>>(new Set());
  const [held, setHeld] = useState(false); // it is not read again by itself
  const pages = list.data?.pages.length ?? 0;
  const refresh = useCallback(() => {
    setBehind(new Set());
    setHeld(false);
    void client.invalidateQueries({ queryKey: keys.contents(bucket) });
  }, [client, bucket]);
  useEffect(() => (setBehind(new Set()), setHeld(false)), [bucket, prefix, q]);
  const seen = useRef({ prefix, entries, until: '', object });
  seen.current = { prefix, entries, until: list.hasNextPage ? (entries.at(-1)?.key ?? '') : '', object };
  const happened = useCallback(
    (events: Event[]) => {
      const { prefix, entries, until, object } = seen.current;
      const shown = { prefix, entries: new Map(entries.map((e) => [e.key, e.item])), until: until || undefined };
      const fresh = events.filter((e) => !agrees(e, shown));
      if (object && events.some((e) => e.key === object)) void client.invalidateQueries({ queryKey: keys.object(bucket, object) });
      if (fresh.length > 0) setBehind((b) => new Set([...b, ...fresh.map((e) => e.key!)]));
    },
    [client, bucket],
  );
  const read = list.dataUpdatedAt;
  const catchUp = useCallback(() => {
    if (pages <= 4 && !pointed.current && !box.current?.querySelector('.row-line:focus-within')) refresh();
    else setHeld(true);
  }, [pages, refresh]);
  useEffect(() => {
    if (behind.size === 0) return;
    const id = setTimeout(catchUp, Math.max(400, read + 1500 - Date.now()));
    return () => clearTimeout(id);
  }, [behind, catchUp, read]);
  // What the reader uploads is looked for, wherever the pointer is.
  const { finished } = useUploads();
  const last = useRef(finished);
  useEffect(() => {
    const more = finished > last.current;
    last.current = finished;
    if (!more || pages > 4) return;
    const id = setTimeout(refresh, 400);
    return () => {
      clearTimeout(id);
      last.current = -1; // whatever comes next counts
    };
  }, [finished, pages, refresh]);

  const go = (to: { prefix?: string; q?: string; object?: string; view?: string }) => void navigate({ search: { prefix: (to.prefix ?? prefix) || undefined, q: to.q || undefined, object: to.object, view: to.view } });
  const open = (e: Entry) => (e.item ? void navigate({ search: (s) => ({ ...s, object: e.key, view: undefined }) }) : go({ prefix: e.key, q: '' }));
  const up = () => go({ prefix: crumbs(prefix).at(-2)?.prefix ?? '', q: '' });
  useShortcut('backspace', t('shortcut.up'), up, { off: prefix === '' || !!object });
  useShortcut('u', t('upload.files'), () => files.current?.click(), { off: !!object || !mayPut.allowed });

  const take = async (make: () => Chosen[] | Promise<Chosen[]>) => {
    setProblem(null);
    setReading(true);
    try {
      const some = await make();
      if (some.length > 0) setChosen(some);
    } catch (err) {
      setProblem(err);
    } finally {
      setReading(false);
    }
  };
  const carriesFiles = (e: DragEvent) => e.dataTransfer.types.includes('Files');
  const drop = (e: DragEvent) => {
    if (!carriesFiles(e)) return;
    e.preventDefault();
    setOver(0);
    if (!mayPut.allowed) return setProblem(new Refusal(403, 'AccessDenied', t('mayNotDrop', { reason: mayPut.reason })));
    const dropped = fromDrop(e.dataTransfer); // before the browser forgets it
    void take(() => dropped);
  };

  const copyLink = async (key: string) => {
    setProblem(null);
    try {
      await toClipboard((await link(bucket, key, 3600)).url);
      setSaid(t('linkCopied'));
    } catch (err) {
      setProblem(err);
    }
  };
  const actions = (e: Entry): MenuProps['items'] => [
    { key: 'open', icon: e.item ? <EyeOutlined /> : <FolderOpenOutlined />, label: t('open'), onClick: () => open(e) },
    { key: 'copy', icon: <CopyOutlined />, label: t('copyKey'), onClick: () => void toClipboard(e.key).then(() => setSaid(t('common:copied'))) },
    ...(e.item
      ? [
          { key: 'link', icon: <LinkOutlined />, label: t('copyLink'), ...mayProps(mayGet), onClick: () => void copyLink(e.key) },
          { key: 'download', icon: <DownloadOutlined />, ...mayProps(mayGet), label: !mayGet.allowed ? t('download') : <a href={downloadPath(bucket, e.key)} download={nameOf(e.key)}>{t('download')}</a> },
          { key: 'trace', icon: <ApartmentOutlined />, label: <Link to="/trace" search={{ bucket, key: e.key }}>{t('happened')}</Link> },
        ]
      : [{ key: 'zip', icon: <FileZipOutlined />, label: t('zip.do'), ...mayProps(mayGet), onClick: () => setZipping([e]) }]),
    { key: 'carry', icon: <SwapOutlined />, label: t('carry.do'), ...mayProps(mayPutAny), onClick: () => setCarrying([e]) },
    { type: 'divider' as const },
    { key: 'delete', icon: <DeleteOutlined />, danger: true, ...mayProps(mayDelete), label: t('common:delete'), onClick: () => setRemoving([e.key]) },
  ];
  // Of a deep folder's path, what is between its begin and its end is one step.
  const path = crumbs(prefix);
  const deep = path.length > 6;
  const crumb = (c: { prefix: string; name: string }) => (
    <span key={c.prefix}>
      <i aria-hidden>/</i>
      <Link from="/buckets/$name/{-$tab}" to="." search={{ prefix: c.prefix }} aria-current={c.prefix === prefix ? 'page' : undefined} aria-label={c.name === '…' ? c.prefix : undefined} title={c.prefix}>
        {shown(c.name) || '∅'}
      </Link>
    </span>
  );
  const thumbs = entries.length <= thumbsUpTo;
  const columns = useMemo(
    (): Column<Entry>[] => [
      {
        key: 'name', title: t('common:name'), width: '4fr',
        render: (e) => (
          <span className="object-name">
            {e.item && thumbs && e.item.size > 0 && e.item.size <= 20 << 20 && isImage(e.key) ? (
              <Thumb bucket={bucket} objectKey={e.key} size={28} version={e.item.etag} />
            ) : (
              <KindIcon kind={e.item ? kindOf(e.key) : 'folder'} />
            )}
            <span className="clip">
              <RowLink to={href(['buckets', bucket], e.item ? { prefix: prefix || undefined, q: q || undefined, object: e.key } : { prefix: e.key })} title={e.key} className="name-link">
                {shown(nameOf(e.key))}
              </RowLink>
              {!wide && e.item && (
                <span className="second dim">
                  {bytes(e.item.size)} · <Time key={e.item.modified} at={e.item.modified} />
                </span>
              )}
            </span>
          </span>
        ),
      },
      { key: 'type', title: t('type'), width: '110px', wide: true, render: (e) => <span className="dim">{typeOf(e, t('folder.one'))}</span> },
      { key: 'modified', title: t('common:modified'), width: '150px', wide: true, render: (e) => e.item && <Time at={e.item.modified} /> },
      { key: 'size', title: t('common:size'), width: '100px', wide: true, end: true, render: (e) => (e.item ? <span title={t('bytes', { n: count(e.item.size) })}>{bytes(e.item.size)}</span> : '') },
      {
        key: 'actions', title: <span className="off-screen">{t('common:actions')}</span>, width: '40px', end: true,
        render: (e) => (
          <RowButton label={t('actionsOf', { name: nameOf(e.key) })} aria-haspopup="menu" onClick={(at) => setMenu({ entry: e, button: at.currentTarget })}>
            <MoreIcon />
          </RowButton>
        ),
      },
    ],
    [t, bucket, prefix, q, thumbs, wide],
  );
  return (
    <div
      className="objects"
      onDragEnter={(e) => carriesFiles(e) && (e.preventDefault(), setOver((n) => n + 1))}
      onDragOver={(e) => carriesFiles(e) && e.preventDefault()}
      onDragLeave={(e) => carriesFiles(e) && setOver((n) => Math.max(0, n - 1))}
      onDrop={drop}
    >
      <div className="objects-bar">
        <nav aria-label={t('path')} className="crumbs">
          <Link from="/buckets/$name/{-$tab}" to="." search={{}} aria-label={bucket} aria-current={prefix === '' ? 'page' : undefined}>
            <HomeOutlined aria-hidden /> {bucket}
          </Link>
          {path.slice(0, deep ? 1 : path.length).map(crumb)}
          {deep && crumb({ ...path.at(-4)!, name: '…' })}
          {deep && path.slice(-3).map(crumb)}
        </nav>
        <span className="row">
          <MayButton action="oss:PutObject" resource={here} some type="primary" icon={<UploadOutlined />} loading={reading} onClick={() => files.current?.click()}>
            {t('upload.files')}
          </MayButton>
          <MayButton action="oss:PutObject" resource={here} some icon={<FolderOpenOutlined />} onClick={() => folder.current?.click()}>
            {t('upload.folder')}
          </MayButton>
          <MayButton action="oss:PutObject" resource={here} some icon={<FolderAddOutlined />} onClick={() => setNaming(true)}>
            {t('folder.create')}
          </MayButton>
        </span>
        <input ref={files} type="file" multiple hidden aria-label={t('upload.files')} onChange={(e) => { const f = fromInput(e.target.files); e.target.value = ''; void take(() => f); }} />
        <input ref={folder} type="file" multiple hidden aria-label={t('upload.folder')} {...{ webkitdirectory: '' }} onChange={(e) => { const f = fromInput(e.target.files); e.target.value = ''; void take(() => f); }} />
      </div>
      <div className="row objects-find">
        <SearchField key={bucket + '/' + prefix} q={q} label={t('findHint')} ask={(v) => v !== q && go({ q: v })} />
        <Tooltip title={t('common:refresh')}>
          <Button icon={<ReloadOutlined />} aria-label={t('common:refresh')} loading={list.isRefetching} onClick={refresh} />
        </Tooltip>
        {selected.size > 0 ? (
          <span className="row selection">
            <span>{t('selected', { count: selected.size, n: count(selected.size) })}</span>
            <MayButton action="oss:DeleteObject" resource={here} some size="small" danger icon={<DeleteOutlined />} onClick={() => setRemoving([...selected])}>
              {t('common:delete')}
            </MayButton>
            <MayButton action="oss:PutObject" resource={resource.object(bucket, '')} some size="small" icon={<SwapOutlined />} onClick={() => setCarrying(entries.filter((e) => selected.has(e.key)))}>
              {t('carry.do')}
            </MayButton>
            <MayButton action="oss:GetObject" resource={here} some size="small" icon={<FileZipOutlined />} onClick={() => setZipping(entries.filter((e) => selected.has(e.key)))}>
              {t('zip.do')}
            </MayButton>
            <Button size="small" icon={<CopyOutlined />} onClick={() => void toClipboard([...selected].join('\n')).then(() => setSaid(t('common:copied')))}>
              {t('copyKeys')}
            </Button>
            <Button size="small" type="text" onClick={() => setSelected(new Set())}>
              {t('unselect')}
            </Button>
          </span>
        ) : (
          <span className="dim objects-count">{entries.length > 0 && t(list.hasNextPage ? 'countMore' : 'count', { count: entries.length, n: count(entries.length) })}</span>
        )}
        <span role="status" className="said">
          {said}
        </span>
        <span role="status">
          {held && behind.size > 0 && (
            <Button size="small" type="link" icon={<ReloadOutlined />} onClick={refresh}>
              {t('behind', { count: behind.size, n: count(behind.size) })}
            </Button>
          )}
        </span>
        {list.isSuccess && <Following key={`${bucket}/${prefix}${q}`} bucket={bucket} prefix={prefix + q} happened={happened} />}
      </div>
      {problem !== null && (
        <div className="gap-below">
          <Problem error={problem} />
        </div>
      )}
      {list.error && entries.length === 0 ? (
        <Problem error={list.error} retry={() => void list.refetch()} />
      ) : (
        <div
          ref={box}
          onPointerEnter={() => (pointed.current = true)}
          onPointerLeave={() => {
            pointed.current = false;
            if (behind.size > 0) catchUp();
          }}
        >
          <Rows
            label={t('tab.objects')}
            of={JSON.stringify([bucket, prefix, q])}
            items={entries}
            keyOf={(e) => e.key}
            current={object}
            selected={selected}
            onSelect={setSelected}
            loading={list.isPending || list.isFetchingNextPage}
            more={list.hasNextPage}
            error={list.isFetchNextPageError ? list.error : undefined}
            onMore={() => void list.fetchNextPage()}
            onOpen={open}
            height="max(320px, calc(100vh - 318px))"
            rowHeight={wide ? 44 : 56}
            empty={
              <Nothing text={q ? t('noMatch', { q }) : prefix ? t('emptyFolder') : t('empty')}>
                {q ? (
                  <Button onClick={() => go({ q: '' })}>{t('clear')}</Button>
                ) : (
                  <MayButton action="oss:PutObject" resource={here} some type="primary" icon={<UploadOutlined />} onClick={() => files.current?.click()}>
                    {t('upload.files')}
                  </MayButton>
                )}
              </Nothing>
            }
            columns={columns}
          />
        </div>
      )}
      {over > 0 && (
        <div className="drop" aria-hidden>
          <UploadOutlined />
          <span>{t('dropHere', { to: `${bucket}/${prefix}` })}</span>
        </div>
      )}
      {menu && <EntryMenu key={menu.entry.key} at={menu.button} items={actions(menu.entry)} close={() => setMenu(null)} />}
      <Suspense>
        {chosen && <Preflight bucket={bucket} prefix={prefix} chosen={chosen} close={() => setChosen(null)} />}
        {object && <ObjectDrawer key={object} bucket={bucket} objectKey={object} close={() => void navigate({ search: (s) => ({ ...s, object: undefined, view: undefined }) })} remove={() => setRemoving([object])} carry={() => setCarrying([entries.find((e) => e.key === object) ?? { key: object, item: { key: object, size: 0, modified: 0, etag: '', type: '' } }])} />}
        {carrying && (
          <TransferDrawer
            bucket={bucket} prefix={prefix} chosen={carrying}
            close={(did) => {
              setCarrying(null);
              if (!did) return;
              setSelected(new Set());
              if (object) void navigate({ search: (s) => ({ ...s, object: undefined, view: undefined }) });
              refresh();
            }}
          />
        )}
        {zipping && <ZipModal bucket={bucket} chosen={zipping} close={() => setZipping(null)} />}
        {removing && (
          <DeleteModal
            bucket={bucket} chosen={removing}
            close={(did) => {
              setRemoving(null);
              if (!did) return;
              setSelected(new Set());
              if (object && removing.includes(object)) void navigate({ search: (s) => ({ ...s, object: undefined, view: undefined }) });
              refresh();
            }}
          />
        )}
        {naming && <FolderModal bucket={bucket} prefix={prefix} close={() => setNaming(false)} made={(key) => (setNaming(false), refresh(), go({ prefix: key, q: '' }))} />}
      </Suspense>
    </div>
  );
}

function typeOf(e: Entry, folder: string): string {
  if (!e.item) return folder;
  if (e.item.type && e.item.type !== 'Normal' && e.item.type !== 'Multipart') return e.item.type;
  return extensionOf(e.key).toUpperCase().slice(0, 8);
}

/** EntryMenu is the one menu of all rows, at the button that opened it. */
function EntryMenu({ at, items, close }: { at: HTMLElement; items: MenuProps['items']; close: () => void }) {
  const box = at.getBoundingClientRect();
  useEffect(() => {
    at.setAttribute('aria-expanded', 'true');
    return () => at.removeAttribute('aria-expanded');
  }, [at]);
  return (
    <Dropdown
      open trigger={['click']} autoFocus placement="bottomRight" menu={{ items, onClick: close }}
      onOpenChange={(open, { source }) => {
        if (open) return;
        close();
        if (source === 'trigger') at.focus();
      }}
    >
      <span className="menu-anchor" style={{ left: box.left, top: box.top, width: box.width, height: box.height }} />
    </Dropdown>
  );
}
