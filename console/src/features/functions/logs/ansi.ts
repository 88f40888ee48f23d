// Colours that programs give their output (ECMA-48, "ANSI"). Only what a log needs: the
// sixteen colours, bold, dim, italic, underlined; the 256 and 16 million become the nearest
// of the sixteen, so that every colour can be read on either theme.

export interface Style {
  fg?: number; // 0–15
  bg?: number;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
}

export interface Piece {
  text: string;
  style?: Style;
}

// CSI sequences, OSC sequences (titles, links) up to their end, and single escapes.
// oxlint-disable-next-line no-control-regex
const escape = /\u001b(?:\[([0-9;:]*)([ -/]*[@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** plain is a text without escapes and other control characters. */
export function plain(text: string): string {
  return text.replace(escape, '');
}

/** pieces splits a text where its style changes. begin is the style that it begins with; end is that of what follows. */
export function pieces(text: string, begin: Style = {}): { pieces: Piece[]; end: Style } {
  const out: Piece[] = [];
  let style = begin;
  let at = 0;
  const put = (s: string) => {
    if (!s) return;
    const styled = Object.keys(style).length > 0;
    const last = out.at(-1);
    if (last && last.style === (styled ? style : undefined)) last.text += s;
    else out.push(styled ? { text: s, style } : { text: s });
  };
  for (const m of text.matchAll(escape)) {
    put(text.slice(at, m.index));
    at = m.index + m[0].length;
    if (m[2] === 'm') style = applied(style, m[1] ?? '');
  }
  put(text.slice(at));
  return { pieces: out, end: style };
}

function applied(before: Style, parameters: string): Style {
  const s = { ...before };
  const codes = parameters.split(/[;:]/).map((c) => Number(c || 0));
  for (let i = 0; i < codes.length; i++) {
    const c = codes[i]!;
    if (c === 0) for (const k of Object.keys(s) as (keyof Style)[]) delete s[k];
    else if (c === 1) s.bold = true;
    else if (c === 2) s.dim = true;
    else if (c === 3) s.italic = true;
    else if (c === 4) s.underline = true;
    else if (c === 22) {
      delete s.bold;
      delete s.dim;
    } else if (c === 23) delete s.italic;
    else if (c === 24) delete s.underline;
    else if (c >= 30 && c <= 37) s.fg = c - 30;
    else if (c >= 90 && c <= 97) s.fg = c - 90 + 8;
    else if (c === 39) delete s.fg;
    else if (c >= 40 && c <= 47) s.bg = c - 40;
    else if (c >= 100 && c <= 107) s.bg = c - 100 + 8;
    else if (c === 49) delete s.bg;
    else if (c === 38 || c === 48) {
      const kind = codes[i + 1];
      const [a = 0, b = 0, d = 0] = codes.slice(i + 2);
      if (kind !== 5 && kind !== 2) continue;
      s[c === 38 ? 'fg' : 'bg'] = kind === 5 ? of256(a) : nearest(a, b, d);
      i += kind === 5 ? 2 : 4;
    }
  }
  return s;
}

function of256(n: number): number {
  if (n < 16) return n;
  if (n >= 232) {
    const v = 8 + (n - 232) * 10;
    return nearest(v, v, v);
  }
  const level = (i: number) => (i === 0 ? 0 : 55 + i * 40);
  return nearest(level(Math.floor((n - 16) / 36)), level(Math.floor((n - 16) / 6) % 6), level((n - 16) % 6));
}

const sixteen = [
  [0, 0, 0], [205, 0, 0], [0, 205, 0], [205, 205, 0], [0, 0, 238], [205, 0, 205], [0, 205, 205], [229, 229, 229],
  [127, 127, 127], [255, 0, 0], [0, 255, 0], [255, 255, 0], [92, 92, 255], [255, 0, 255], [0, 255, 255], [255, 255, 255],
] as const;

function nearest(r: number, g: number, b: number): number {
  let best = 0;
  let least = Infinity;
  sixteen.forEach(([r2, g2, b2], i) => {
    const d = (r - r2) ** 2 + (g - g2) ** 2 + (b - b2) ** 2;
    if (d < least) [least, best] = [d, i];
  });
  return best;
}

/** classOf names a style's classes in logs.css. */
export function classOf(s: Style): string {
  const out: string[] = [];
  if (s.fg !== undefined) out.push(`fg-${s.fg}`);
  if (s.bg !== undefined) out.push(`bg-${s.bg}`);
  for (const k of ['bold', 'dim', 'italic', 'underline'] as const) if (s[k]) out.push(`ansi-${k}`);
  return out.join(' ');
}
