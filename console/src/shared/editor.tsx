// The code editor. It is large: load it with lazy().
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, foldGutter, foldKeymap, indentOnInput } from '@codemirror/language';
import { linter, lintKeymap, type Diagnostic } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, Transaction } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useSettings } from '../app/settings';
import { base, languageOf, look } from './codemirror';
import './editor.css';

export type { Diagnostic };

export interface EditorProps {
  /** label says what is edited */
  label: string;
  value: string;
  onChange?: (value: string) => void;
  /** name chooses the language by its ending; each has its own undo */
  name: string;
  readOnly?: boolean;
  lint?: (text: string) => Diagnostic[];
  /** complete says what may stand at a place: instead of what the language knows */
  complete?: (text: string, pos: number) => { from: number; options: string[] } | null;
  /** wrap: long lines are broken */
  wrap?: boolean;
  autoFocus?: boolean;
  invalid?: boolean;
  describedBy?: string;
}

// Ctrl+Enter is for who uses the editor, not for a blank line.
const keys = [...closeBracketsKeymap, ...defaultKeymap.filter((k) => k.key !== 'Mod-Enter'), ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap, indentWithTab];

const completions = (c: { from: number; options: string[] } | null | undefined) => c && c.options.length > 0 ? { from: c.from, options: c.options.map((label) => ({ label })), validFor: /^[^"\n]*$/ } : null;

/**
 * Editor edits one text. Tab indents, and moves on after Esc; the editor says so. It fills
 * its parent's height.
 */
export default function Editor(p: EditorProps) {
  const { t } = useTranslation();
  const { dark } = useSettings();
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const parts = useRef({ look: new Compartment(), language: new Compartment(), base: new Compartment(), lint: new Compartment(), marks: new Compartment() });
  const now = useRef(p);
  now.current = p;
  const start = useRef({ dark });
  start.current = { dark };
  const left = useRef(new Map<string, EditorState>()); // states by name, of what was edited before

  useEffect(() => {
    const c = parts.current;
    const { name, autoFocus } = now.current;
    const memory = left.current;
    const extensions = [
      c.base.of([]),
      c.look.of([]),
      c.language.of([]),
      c.lint.of([]),
      c.marks.of([]),
      lineNumbers(),
      foldGutter(),
      highlightSpecialChars(),
      history(),
      drawSelection(),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      autocompletion(now.current.complete ? { override: [({ state, pos }) => completions(now.current.complete?.(state.doc.toString(), pos))] } : {}),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      now.current.wrap ? EditorView.lineWrapping : [],
      keymap.of(keys),
      EditorView.updateListener.of((u) => {
        if (u.docChanged && !u.transactions.some((tr) => tr.annotation(Transaction.remote))) now.current.onChange?.(u.state.doc.toString());
      }),
    ];
    const known = memory.get(name);
    const state = known?.doc.toString() === now.current.value ? known : EditorState.create({ doc: now.current.value, extensions });
    const v = new EditorView({ parent: box.current!, state });
    v.dispatch({ effects: [c.base.reconfigure(base(now.current.label, !!now.current.readOnly)), c.look.reconfigure(look(start.current.dark))] });
    let gone = false;
    void languageOf(name).then((l) => {
      if (!gone) v.dispatch({ effects: c.language.reconfigure(l ?? []) });
    });
    if (autoFocus) v.focus();
    view.current = v;
    return () => {
      gone = true;
      memory.set(name, v.state);
      v.destroy();
      view.current = null;
    };
  }, [p.name]);

  useEffect(() => {
    view.current?.dispatch({ effects: parts.current.look.reconfigure(look(dark)) });
  }, [dark, p.name]);
  useEffect(() => {
    view.current?.dispatch({ effects: parts.current.base.reconfigure(base(p.label, !!p.readOnly)) });
  }, [p.label, p.readOnly, p.name]);
  useEffect(() => {
    const attributes: Record<string, string> = {};
    if (p.invalid) attributes['aria-invalid'] = 'true';
    if (p.describedBy) attributes['aria-describedby'] = p.describedBy;
    view.current?.dispatch({ effects: parts.current.marks.reconfigure(EditorView.contentAttributes.of(attributes)) });
  }, [p.invalid, p.describedBy, p.name]);
  const hasLint = !!p.lint;
  useEffect(() => {
    view.current?.dispatch({
      effects: parts.current.lint.reconfigure(hasLint ? linter((v) => now.current.lint?.(v.state.doc.toString()) ?? [], { delay: 300 }) : []),
    });
  }, [hasLint, p.name]);
  useEffect(() => {
    const v = view.current;
    if (!v || v.state.doc.toString() === p.value) return;
    v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: p.value }, annotations: Transaction.remote.of(true) });
  }, [p.value, p.name]);

  return (
    <div className="editor">
      <div ref={box} className="editor-view" />
      {!p.readOnly && <div className="editor-hint">{t('editor.tab')}</div>}
    </div>
  );
}
