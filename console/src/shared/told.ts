// What the server refuses, in the reader's language. A refusal brings its sentence in English,
// and codes with arguments of it and of its hint; the texts of these are loaded when the first
// refusal comes. In English, nothing is looked up.
import i18n from 'i18next';

/** Told is a sentence by its code; its arguments are texts, or sentences themselves. */
export interface Told {
  reason: string;
  args?: Record<string, unknown>;
  hint?: Told | null;
}

type Texts = Record<string, string>;
let texts: Texts | undefined;

/** ready loads what is needed to tell refusals in a language; where that cannot be, they stay in English. */
export async function ready(language: string = i18n.language): Promise<void> {
  if (language !== 'zh' || texts) return;
  try {
    texts = (await import('../locales/zh/refused.json')).default as Texts;
  } catch {
    // the server is away, and with it the answer to what comes next
  }
}

/** parsed reads what came in a header, which is nobody's but the server's; undefined if it says nothing. */
export function parsed(said: string | null): Told | undefined {
  if (!said) return undefined;
  try {
    const t = JSON.parse(said) as Told | null;
    return typeof t?.reason === 'string' ? t : undefined;
  } catch {
    return undefined;
  }
}

function one(t: Told, of: Texts): string {
  const said = t.args ?? {};
  const arg = (name: string): string => {
    const v = said[name];
    return v && typeof v === 'object' && 'reason' in v ? tell(v as Told, '', of) : String(v ?? '');
  };
  if (t.reason === 'Verbatim') return arg('text');
  const text = Object.hasOwn(of, t.reason) ? of[t.reason]! : undefined;
  if (text !== undefined) return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => arg(name));
  const why = 'said:why.' + t.reason; // why something is so can be a part of why it is refused
  return i18n.exists(why) ? i18n.t(why, t.args) : '';
}

/** tell is a refusal in the texts' language, or message, its sentence in English. Exported for its test. */
export function tell(t: Told, message: string, of: Texts): string {
  const first = one(t, of);
  if (!first) return message;
  const hint = t.hint ? one(t.hint, of) : '';
  return first + (hint && /[\x21-\x7e]$/.test(first) ? ' ' : '') + hint;
}

/** told is a refusal in the reader's language, as far as it has texts of it. */
export function told(t: Told | undefined, message: string): string {
  return t && texts && i18n.language === 'zh' ? tell(t, message, texts) : message;
}
