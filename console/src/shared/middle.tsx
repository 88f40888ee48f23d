// What tells keys apart stands at their end, which is what a narrow column cuts off: a long
// one is cut in its middle instead.
import './middle.css';

/** ends splits a text in what may be cut and what is always shown: its last n characters; the second is empty if the text is short. */
export function ends(text: string, n = 14): [string, string] {
  const all = [...text]; // no half of a character
  if (all.length <= n * 1.5) return [text, ''];
  return [all.slice(0, -n).join(''), all.slice(-n).join('')];
}

/** shown makes visible what a name can have and a line cannot show: control characters as signs, spaces at its ends as ␣. */
export function shown(name: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return name.replace(/[\x00-\x1f\x7f]/g, (c) => signs[c] ?? '�').replace(/^ +| +$/g, (s) => '␣'.repeat(s.length));
}
const signs: Record<string, string> = { '\n': '↵', '\r': '␍', '\t': '⇥' };

/** shortened cuts a text in its middle, to as many characters of its begin and its end. */
export function shortened(text: string, head: number, tail: number): string {
  const all = [...text];
  return all.length <= head + tail + 1 ? text : all.slice(0, head).join('') + '…' + all.slice(-tail).join('');
}

/** Middle shows one line whose end stays in sight. dim is said first, in a quieter tone: the bucket of a key. */
export function Middle({ dim = '', text }: { dim?: string; text: string }) {
  const [head, tail] = ends(dim + shown(text));
  // Where the end reaches into what is dim, all of it is told alike.
  const quiet = tail && head.length < dim.length ? '' : dim;
  return (
    <span className="middle">
      <span className="middle-head">
        {quiet && <span className="dim">{quiet}</span>}
        {head.slice(quiet.length)}
      </span>
      {tail && <span>{tail}</span>}
    </span>
  );
}
