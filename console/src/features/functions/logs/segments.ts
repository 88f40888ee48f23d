// What is drawn of an entry: its text, cut wherever a style, a link or a mark begins or ends.
import { pieces, type Style } from './ansi';
import { found, linksIn, type Linked } from './entries';

export interface Segment {
  text: string;
  style?: Style;
  link?: Linked;
  mark?: boolean;
}

export function segments(raw: string, wanted: string): Segment[] {
  const styled = pieces(raw).pieces;
  const text = styled.map((p) => p.text).join('');
  const linked = linksIn(text);
  const marked = found(text, wanted);
  if (linked.length === 0 && marked.length === 0) return styled;
  const out: Segment[] = [];
  let at = 0;
  let l = 0;
  let m = 0;
  for (const p of styled) {
    const end = at + p.text.length;
    while (at < end) {
      while (l < linked.length && linked[l]!.to <= at) l++;
      while (m < marked.length && marked[m]![1] <= at) m++;
      const link = linked[l] && linked[l]!.from <= at ? linked[l] : undefined;
      const mark = marked[m] && marked[m]![0] <= at;
      const to = Math.min(end, link ? link.to : (linked[l]?.from ?? end), mark ? marked[m]![1] : (marked[m]?.[0] ?? end));
      const s: Segment = { text: text.slice(at, to) };
      if (p.style) s.style = p.style;
      if (link) s.link = link;
      if (mark) s.mark = true;
      out.push(s);
      at = to;
    }
  }
  return out;
}
