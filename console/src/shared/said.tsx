// What the server says why something is so, in the reader's language: it sends a code with
// arguments beside its English sentence, which is shown for codes that have no text here.
import i18n from 'i18next';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Why } from '../api/gen';
import { useSettings } from '../app/settings';
import { count, duration, moment, type Zone } from './format';
import { shortened } from './middle';
import './said.css';

/** near is half of what is shown of a long key. */
const near = 24;

const known = (key: string) => i18n.exists('said:' + key) || i18n.exists(`said:${key}_other`);
const text = (key: string, values?: Record<string, unknown>) => i18n.t('said:' + key, values);

/** faultTitle is what an error's code means in a few words; "" if it has no text. */
export function faultTitle(code: string): string {
  const key = 'fault.' + code.replaceAll('.', '_');
  return /^[\w.]+$/.test(code) && known(key) ? text(key) : '';
}

const fault = (code: string) => {
  const title = faultTitle(code);
  return title ? text('named', { title, code }) : code;
};

/** say makes a reason a sentence; message is the server's. place stands where the object's key is to be set in. */
export function say(why: Why | null | undefined, message: string | undefined, zone: Zone = 'local', place?: string): string {
  if (!why || !known('why.' + why.reason)) return message ?? '';
  const args = why.args ?? {};
  const s = (name: string) => String(args[name] ?? '');
  const values: Record<string, unknown> = { ...args };
  for (const [name, v] of Object.entries(args)) if (typeof v === 'number') values[name] = count(v);
  for (const name of ['since', 'last']) if (!Number.isNaN(Date.parse(s(name)))) values[name] = moment(Date.parse(s(name)), zone);
  if (args.fault) values.fault = fault(s('fault'));
  if (args.pause) values.pause = known('pause.' + s('pause')) ? text('pause.' + s('pause')) : s('pause');
  if (typeof args.seconds === 'number') values.seconds = duration(args.seconds * 1e9);
  if (typeof args.n === 'number') {
    values.count = args.n;
    values.n = count(args.n) + (why.reason === 'LoopStopped' && args.more ? '+' : '');
  }
  if (why.reason === 'SeemsToLoop' && !args.principal) values.principal = text('nobody');
  if (typeof args.key === 'string') values.key = place ?? shortened(args.key, 0, near * 2); // its suffix is what is looked for there
  values.parts = (why.parts ?? []).map((p) => say(p, '', zone)).join(text('and'));
  const hint = why.hint ? say(why.hint, '', zone) : '';
  // A pause tells its reason within the sentence, whoever gave it.
  const detail = s('detail') || (args.pause ? hint : '');
  values.detail = detail && text('detail', { text: detail });
  return text('why.' + why.reason, values) + (args.pause ? '' : hint);
}

/** useSaid gives say in the reader's time zone; who calls it is drawn anew when the language changes. */
export function useSaid(): (why: Why | null | undefined, message?: string) => string {
  useTranslation('said');
  const { zone } = useSettings();
  return (why, message) => say(why, message, zone);
}

/** sentence begins with a capital and ends with a stop. */
const sentence = (s: string) => s.charAt(0).toUpperCase() + s.slice(1) + (s === '' || /[.!?。！？]$/.test(s) ? '' : text('stop'));

/** Said shows a reason; in a key that differs from a prefix, where it does. whole makes it a sentence of its own. */
export function Said({ why, message, whole }: { why?: Why | null; message?: string; whole?: boolean }): ReactNode {
  useTranslation('said');
  const { zone } = useSettings();
  const place = '\u0000';
  const shown = say(why, message, zone, why?.reason === 'PrefixDiffers' ? place : undefined);
  const all = whole ? sentence(shown) : shown;
  const cut = all.indexOf(place);
  if (cut < 0) return all;
  return (
    <>
      {all.slice(0, cut)}
      <Marked text={String(why!.args!.key)} at={Number(why!.args!.at)} />
      {all.slice(cut + 1)}
    </>
  );
}

/** around cuts a key at a character, counted from 1, and shortens what is far from it. Exported for its test. */
export function around(key: string, at: number): [string, string, string] {
  const all = [...key];
  const from = Math.max(0, at - 1 - near * 2);
  const to = at + near * 2;
  return [(from > 0 ? '…' : '') + all.slice(from, at - 1).join(''), all[at - 1] ?? '', all.slice(at, to).join('') + (all.length > to ? '…' : '')];
}

function Marked({ text: key, at }: { text: string; at: number }) {
  const [before, here, after] = around(key, at);
  return (
    <code className="said-key" title={key}>
      {before}
      <mark>{here}</mark>
      {after}
    </code>
  );
}
