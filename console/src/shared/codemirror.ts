// What every CodeMirror view of the console has: the page's nonce, its colours, its
// languages. Loaded with the editor only.
import { HighlightStyle, LanguageDescription, LanguageSupport, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { EditorState, type Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import i18n from 'i18next';
import { nonce } from '../app/nonce';

const languages = [
  LanguageDescription.of({ name: 'javascript', extensions: ['js', 'mjs', 'cjs', 'jsx'], load: () => import('@codemirror/lang-javascript').then((m) => m.javascript({ jsx: true })) }),
  LanguageDescription.of({ name: 'typescript', extensions: ['ts', 'mts', 'cts', 'tsx'], load: () => import('@codemirror/lang-javascript').then((m) => m.javascript({ typescript: true, jsx: true })) }),
  LanguageDescription.of({ name: 'python', extensions: ['py'], load: () => import('@codemirror/lang-python').then((m) => m.python()) }),
  LanguageDescription.of({ name: 'php', extensions: ['php', 'inc'], load: () => import('@codemirror/lang-php').then((m) => m.php()) }),
  LanguageDescription.of({ name: 'json', extensions: ['json', 'map'], load: () => import('@codemirror/lang-json').then((m) => m.json()) }),
];

/** languageOf loads what a file's name asks for; undefined for plain text. */
export async function languageOf(filename: string): Promise<LanguageSupport | undefined> {
  return LanguageDescription.matchFilename(languages, filename)?.load();
}

// Contrast of at least 4.5:1 on the editor's ground, selection and current line.
const lightStyle = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword, tags.controlKeyword], color: '#8c1d9b' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: '#9a2f12' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: '#0b5d3b' },
  { tag: [tags.comment, tags.meta], color: '#5a6472', fontStyle: 'italic' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.definition(tags.variableName)], color: '#0b4aa8' },
  { tag: [tags.propertyName, tags.attributeName], color: '#7a4500' },
  { tag: [tags.typeName, tags.className, tags.tagName], color: '#076270' },
  { tag: tags.invalid, color: '#a8071a' },
]);
const darkStyle = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword, tags.controlKeyword], color: '#d6a3ff' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: '#ffb086' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: '#95e0ac' },
  { tag: [tags.comment, tags.meta], color: '#a0a8b4', fontStyle: 'italic' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.definition(tags.variableName)], color: '#8cc4ff' },
  { tag: [tags.propertyName, tags.attributeName], color: '#f0cf8a' },
  { tag: [tags.typeName, tags.className, tags.tagName], color: '#7fdbe8' },
  { tag: tags.invalid, color: '#ff8a8e' },
]);

const rules = (dark: boolean) => ({
  '&': { backgroundColor: 'var(--base)', color: 'var(--text)', fontSize: '13px', height: '100%' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace", lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--text)', padding: '8px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--base)', color: 'var(--dim)', border: 'none' },
  '.cm-activeLine': { backgroundColor: dark ? '#ffffff0d' : '#00000008' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground, .cm-content ::selection': { backgroundColor: dark ? '#264f78' : '#cfe3ff' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: dark ? '#ffffff24' : '#00000014' },
  '.cm-searchMatch': { backgroundColor: dark ? '#6b5500' : '#ffe58f' },
  '.cm-searchMatch-selected': { backgroundColor: dark ? '#8a4b00' : '#ffbb66' },
  '.cm-panels': { backgroundColor: 'var(--soft)', color: 'var(--text)' },
  '.cm-panels.cm-panels-top': { borderBottom: '1px solid var(--line)' },
  '.cm-panels.cm-panels-bottom': { borderTop: '1px solid var(--line)' },
  '.cm-textfield': { backgroundColor: 'var(--base)', color: 'var(--text)', border: '1px solid var(--line)', borderRadius: '4px', padding: '3px 6px' },
  '.cm-button': { backgroundImage: 'none', backgroundColor: 'var(--base)', color: 'var(--text)', border: '1px solid var(--line)', borderRadius: '4px', padding: '3px 10px' },
  '.cm-panel.cm-search': { padding: '6px 28px 6px 8px' },
  '.cm-panel.cm-search input, .cm-panel.cm-search button, .cm-panel.cm-search label': { fontSize: '13px' },
  '.cm-panel.cm-search [name=close]': { color: 'var(--text)', fontSize: '18px', right: '8px', top: '4px' },
  '.cm-tooltip': { backgroundColor: 'var(--base)', color: 'var(--text)', border: '1px solid var(--line)', borderRadius: '6px' },
  '.cm-diagnostic-error': { borderLeftColor: dark ? '#ff8a8e' : '#cf1322' },
  '.cm-foldPlaceholder': { backgroundColor: 'var(--soft)', color: 'var(--dim)', border: '1px solid var(--line)' },
  '.cm-mergeView .cm-editor': { height: 'auto' },
  '.cm-collapsedLines': { background: 'var(--soft)', color: 'var(--dim)', padding: '3px 12px' },
  '.cm-collapsedLines:before, .cm-collapsedLines:after': { content: '"⋯"' }, // many fonts lack the usual sign
  '&.cm-merge-a .cm-changedLine, .cm-deletedChunk': { backgroundColor: dark ? '#2b1719' : '#fff3f1' },
  '&.cm-merge-b .cm-changedLine, .cm-inlineChangedLine': { backgroundColor: dark ? '#122316' : '#f1faee' },
  '&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText': { background: dark ? '#4f2227' : '#ffd9d4' },
  '&.cm-merge-b .cm-changedText': { background: dark ? '#1b3c22' : '#d3f0ca' },
  '.cm-deletedChunk': { paddingLeft: '6px' },
});
const lightTheme = EditorView.theme(rules(false));
const darkTheme = EditorView.theme(rules(true), { dark: true });

/** look is the colours of a theme. */
export function look(dark: boolean): Extension {
  return dark ? [darkTheme, syntaxHighlighting(darkStyle)] : [lightTheme, syntaxHighlighting(lightStyle)];
}

const chinese = {
  Find: '查找', Replace: '替换', next: '下一个', previous: '上一个', all: '全部', 'match case': '区分大小写', 'by word': '全词匹配', regexp: '正则表达式', replace: '替换', 'replace all': '全部替换',
  close: '关闭', 'Go to line': '跳转到行', go: '跳转', 'current match': '当前匹配', 'replaced $ matches': '已替换 $ 处', 'replaced match on line $': '已替换第 $ 行的匹配', 'on line': '位于行',
  '$ unchanged lines': '$ 行未变', 'Folded lines': '折叠的行', 'Unfolded lines': '展开的行', 'folded code': '折叠的代码', 'Fold line': '折叠行', 'Unfold line': '展开行', Diagnostics: '诊断', 'No diagnostics': '没有诊断',
};

// Chromium carries the style of what is typed over from line to line in an attribute, which
// the page's policy refuses: a selection of several lines is replaced in the document itself.
const overLines = EditorView.domEventHandlers({
  beforeinput: (e, view) => {
    const { from, to } = view.state.selection.main;
    if (e.inputType !== 'insertText' || !e.data || e.isComposing || view.state.readOnly || view.state.selection.ranges.length > 1 || view.state.doc.lineAt(from).to >= to) return false;
    e.preventDefault();
    const insert = () => view.state.update(view.state.replaceSelection(e.data!), { userEvent: 'input.type', scrollIntoView: true });
    if (!view.state.facet(EditorView.inputHandler).some((handles) => handles(view, from, to, e.data!, insert))) view.dispatch(insert());
    return true;
  },
});

/** base is what every view has. label names it for those who cannot see it. */
export function base(label: string, readOnly: boolean): Extension {
  return [
    EditorView.cspNonce.of(nonce),
    overLines,
    EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0', spellcheck: 'false', autocorrect: 'off', autocapitalize: 'off', ...(readOnly ? { 'aria-readonly': 'true' } : {}) }),
    EditorState.readOnly.of(readOnly),
    EditorState.tabSize.of(4),
    indentUnit.of('  '),
    i18n.language === 'zh' ? EditorState.phrases.of(chinese) : [],
  ];
}
