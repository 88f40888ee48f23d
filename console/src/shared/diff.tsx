// Two texts beside each other, or in one column on a narrow screen. Load it with lazy().
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { MergeView, unifiedMergeView } from '@codemirror/merge';
import { EditorState } from '@codemirror/state';
import { EditorView, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSettings } from '../app/settings';
import { base, languageOf, look } from './codemirror';
import './editor.css';

export interface DiffProps {
  /** name chooses the language by its ending */
  name: string;
  before: string;
  after: string;
  beforeLabel: string;
  afterLabel: string;
  /** onChange makes the second text editable, and lets parts of the first be taken into it */
  onChange?: (after: string) => void;
}

/** Diff shows what differs between two texts. It fills its parent's height. */
export default function Diff(p: DiffProps) {
  const { t } = useTranslation();
  const { dark } = useSettings();
  const box = useRef<HTMLDivElement>(null);
  const now = useRef(p);
  now.current = p;
  const mine = useRef(p.after); // what the view holds: its own edits do not make it anew
  const [narrow, setNarrow] = useState(() => matchMedia('(max-width: 640px)').matches);
  useEffect(() => {
    const m = matchMedia('(max-width: 640px)');
    const f = () => setNarrow(m.matches);
    m.addEventListener('change', f);
    return () => m.removeEventListener('change', f);
  }, []);
  const editable = !!p.onChange;
  const outside = p.after === mine.current ? mine : p.after;
  useEffect(() => {
    let gone = false;
    let end = () => {};
    const { name, before, after, beforeLabel, afterLabel } = now.current;
    mine.current = after;
    void languageOf(name).then((language) => {
      if (gone) return;
      const taking = (text: string) => {
        const b = document.createElement('button');
        b.type = 'button';
        b.className = 'diff-take';
        b.textContent = text;
        b.setAttribute('aria-label', t('editor.take'));
        b.title = t('editor.take');
        return b;
      };
      const common = [look(dark), language ?? [], lineNumbers(), highlightSpecialChars(), history(), keymap.of([...defaultKeymap.filter((k) => k.key !== 'Mod-Enter'), ...historyKeymap]), EditorView.lineWrapping];
      const told = EditorView.updateListener.of((u) => {
        if (!u.docChanged) return;
        mine.current = u.state.doc.toString();
        now.current.onChange?.(mine.current);
      });
      const collapse = { margin: 3, minSize: 6 };
      // In one column, too, a part of the first text can be taken; to keep one's own needs no button.
      const control = (type: 'reject' | 'accept', act: (e: MouseEvent) => void) => {
        if (type === 'accept') return document.createElement('span');
        const b = taking(t('editor.take'));
        b.addEventListener('mousedown', act);
        b.addEventListener('click', (e) => e.detail === 0 && act(e)); // by keyboard
        return b;
      };
      if (narrow) {
        const v = new EditorView({
          parent: box.current!,
          doc: after,
          extensions: [common, base(afterLabel, !editable), told, unifiedMergeView({ original: before, mergeControls: editable && control, collapseUnchanged: collapse, allowInlineDiffs: !editable })],
        });
        end = () => v.destroy();
        return;
      }
      const v = new MergeView({
        parent: box.current!,
        a: { doc: before, extensions: [common, base(beforeLabel, true), EditorState.readOnly.of(true)] },
        b: { doc: after, extensions: [common, base(afterLabel, !editable), told] },
        collapseUnchanged: collapse,
        revertControls: editable ? 'a-to-b' : undefined,
        renderRevertControl: () => taking('→'),
      });
      end = () => v.destroy();
    });
    return () => {
      gone = true;
      end();
    };
  }, [p.name, p.before, outside, dark, narrow, editable, t]);
  return (
    <div className="diff">
      <div className="diff-head">
        <span>{p.beforeLabel}</span>
        <span>{p.afterLabel}</span>
      </div>
      <div ref={box} />
    </div>
  );
}
