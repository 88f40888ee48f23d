import { CaretDownOutlined, CaretRightOutlined, DeleteOutlined, EditOutlined, FileAddOutlined, FileOutlined, FolderOutlined, UndoOutlined } from '@ant-design/icons';
import { Button, Input, Modal } from 'antd';
import { useRef, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { badPath, byPath } from './package';
import { openAtFirst, rows } from './tree';

export type Mark = 'added' | 'edited' | 'deleted' | 'conflict';

export interface FileTreeProps {
  paths: string[];
  marks: ReadonlyMap<string, Mark>;
  current: string;
  onOpen: (path: string) => void;
  /** edit: what may be done to files; without, they are read-only */
  edit?: { add: (path: string) => void; rename: (from: string, to: string) => void; remove: (path: string) => void; restore: (path: string) => void };
}

/** FileTree lists a package's files; arrows walk and open it. */
export function FileTree({ paths, marks, current, onOpen, edit }: FileTreeProps) {
  const { t } = useTranslation('functions');
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [naming, setNaming] = useState<{ from?: string; start: string } | null>(null);
  const [focused, setFocused] = useState('');
  const box = useRef<HTMLUListElement>(null);
  const isOpen = (f: string) => toggled.get(f) ?? (openAtFirst(f) || current.startsWith(f + '/'));
  const nodes = rows([...new Set([...paths, ...marks.keys()])], isOpen);
  const toggle = (f: string, open: boolean) => setToggled((m) => new Map(m).set(f, open));
  const tabStop = nodes.some((n) => n.path === focused) ? focused : nodes.some((n) => n.path === current) ? current : (nodes[0]?.path ?? '');
  const focusAt = (i: number) => {
    const n = nodes[Math.max(0, Math.min(nodes.length - 1, i))];
    if (!n) return;
    setFocused(n.path);
    box.current?.querySelector<HTMLElement>(`[data-path="${CSS.escape(n.path)}"]`)?.focus();
  };
  const keys = (e: KeyboardEvent, i: number) => {
    const n = nodes[i]!;
    if (e.key === 'ArrowDown') focusAt(i + 1);
    else if (e.key === 'ArrowUp') focusAt(i - 1);
    else if (e.key === 'Home') focusAt(0);
    else if (e.key === 'End') focusAt(nodes.length - 1);
    else if (e.key === 'ArrowRight' && n.folder && n.open) focusAt(i + 1);
    else if (e.key === 'ArrowRight' && n.folder) toggle(n.path, true);
    else if (e.key === 'ArrowLeft' && n.folder && n.open) toggle(n.path, false);
    else if (e.key === 'ArrowLeft') focusAt(nodes.findIndex((x) => x.folder && n.path.startsWith(x.path + '/') && x.depth === n.depth - 1));
    else if ((e.key === 'Enter' || e.key === ' ') && n.folder) toggle(n.path, !n.open);
    else if (e.key === 'Enter' || e.key === ' ') onOpen(n.path);
    else if (e.key === 'Delete' && edit && !n.folder && marks.get(n.path) !== 'deleted') edit.remove(n.path);
    else if (e.key === 'F2' && edit && !n.folder) setNaming({ from: n.path, start: n.path });
    else return;
    e.preventDefault();
  };
  const folder = current.includes('/') ? current.slice(0, current.lastIndexOf('/') + 1) : '';
  const deleted = marks.get(current) === 'deleted';
  return (
    <div className="tree">
      <div className="tree-head">
        <span className="grow">{t('code.files')}</span>
        {edit && (
          <>
            <Button type="text" size="small" icon={<FileAddOutlined />} aria-label={t('code.add')} title={t('code.add')} onClick={() => setNaming({ start: folder })} />
            <Button type="text" size="small" icon={<EditOutlined />} disabled={!current || deleted} aria-label={t('code.rename', { path: current })} title={t('code.rename', { path: current })} onClick={() => setNaming({ from: current, start: current })} />
            {deleted ? (
              <Button type="text" size="small" icon={<UndoOutlined />} aria-label={t('code.restore', { path: current })} title={t('code.restore', { path: current })} onClick={() => edit.restore(current)} />
            ) : (
              <Button type="text" size="small" icon={<DeleteOutlined />} disabled={!current} aria-label={t('code.remove', { path: current })} title={t('code.remove', { path: current })} onClick={() => edit.remove(current)} />
            )}
          </>
        )}
      </div>
      <ul role="tree" aria-label={t('code.files')} ref={box} className="tree-list">
        {nodes.map((n, i) => {
          const mark = marks.get(n.path);
          return (
            <li
              key={n.path + (n.folder ? '/' : '')}
              role="treeitem"
              aria-level={n.depth + 1}
              aria-expanded={n.folder ? n.open : undefined}
              aria-selected={n.path === current}
              data-path={n.path}
              tabIndex={n.path === tabStop ? 0 : -1}
              className={'tree-node' + (n.path === current ? ' current' : '') + (mark ? ' ' + mark : '')}
              style={{ paddingLeft: 8 + n.depth * 14 }}
              onFocus={() => setFocused(n.path)}
              onKeyDown={(e) => keys(e, i)}
              onClick={() => (n.folder ? toggle(n.path, !n.open) : onOpen(n.path))}
              title={n.path}
            >
              <span className="tree-caret" aria-hidden>
                {n.folder && (n.open ? <CaretDownOutlined /> : <CaretRightOutlined />)}
              </span>
              <span aria-hidden>{n.folder ? <FolderOutlined /> : <FileOutlined />}</span>
              <span className="clip grow">{n.name}</span>
              {mark && (
                <span className="tree-mark" title={t(`code.mark_${mark}`)}>
                  <span aria-hidden>{{ added: 'A', edited: 'M', deleted: 'D', conflict: '!' }[mark]}</span>
                  <span className="visually-hidden">{t(`code.mark_${mark}`)}</span>
                </span>
              )}
            </li>
          );
        })}
      </ul>
      {naming && (
        <NameFile
          {...naming}
          taken={[...paths].sort(byPath)}
          close={() => setNaming(null)}
          done={(p) => {
            if (naming.from) edit?.rename(naming.from, p);
            else edit?.add(p);
            setNaming(null);
          }}
        />
      )}
    </div>
  );
}

function NameFile({ from, start, taken, done, close }: { from?: string; start: string; taken: string[]; done: (path: string) => void; close: () => void }) {
  const { t } = useTranslation('functions');
  const [path, setPath] = useState(start);
  const [tried, setTried] = useState(false);
  const why = path === from ? '' : badPath(path.trim(), taken.filter((p) => p !== from));
  const ok = () => {
    if (why) return setTried(true);
    done(path.trim());
  };
  return (
    <Modal open title={from ? t('code.rename', { path: from }) : t('code.add')} okText={t('common:ok')} onOk={ok} onCancel={close}>
      <label htmlFor="file-path">{t('code.path')}</label>
      <Input
        id="file-path"
        value={path}
        autoFocus
        spellCheck={false}
        autoComplete="off"
        status={tried && why ? 'error' : undefined}
        aria-invalid={tried && !!why}
        aria-describedby="file-path-error"
        onChange={(e) => setPath(e.target.value)}
        onPressEnter={ok}
        placeholder="lib/example.js"
      />
      <div id="file-path-error" role="alert" className="content-error">
        {tried && why ? t(`code.path_${why}`) : ''}
      </div>
    </Modal>
  );
}
