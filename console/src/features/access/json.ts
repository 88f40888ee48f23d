// JSON with places: a browser's own parser says neither where a value stands nor, in the
// same words everywhere, where it stops being JSON.

interface Place {
  from: number;
  to: number;
}
export interface Field {
  name: string;
  key: Place;
  value: JSONNode;
}
export type JSONNode = Place &
  (
    | { kind: 'object'; fields: Field[] }
    | { kind: 'array'; items: JSONNode[] }
    | { kind: 'string'; value: string }
    | { kind: 'number'; value: number }
    | { kind: 'truth'; value: boolean }
    | { kind: 'null' }
  );

/** Problem says where a text is not JSON, and what is wanted there. */
export interface Problem {
  at: number;
  code: 'value' | 'key' | 'colon' | 'comma' | 'string' | 'end' | 'deep';
  /** what stands there; "" at the end of the text */
  found: string;
}

const maxDepth = 64;

export function parse(text: string): { node?: JSONNode; problem?: Problem } {
  let i = 0;
  const fail = (code: Problem['code'], where = i): never => {
    throw { at: where, code, found: text.slice(where, where + 1) } satisfies Problem;
  };
  const space = () => {
    while (i < text.length && ' \t\r\n'.includes(text[i]!)) i++;
  };
  const string = (): Extract<JSONNode, { kind: 'string' }> => {
    const from = i++;
    for (; ; i++) {
      const c = text[i];
      if (c === undefined || c < ' ') fail('string', from);
      if (c === '\\') i++;
      else if (c === '"') break;
    }
    i++;
    try {
      return { kind: 'string', value: JSON.parse(text.slice(from, i)) as string, from, to: i };
    } catch {
      return fail('string', from);
    }
  };
  const value = (depth: number): JSONNode => {
    if (depth > maxDepth) fail('deep');
    space();
    const from = i;
    const c = text[i];
    if (c === '"') return string();
    if (c === '{') {
      i++;
      const fields: Field[] = [];
      space();
      if (text[i] === '}') return { kind: 'object', fields, from, to: ++i };
      for (;;) {
        space();
        if (text[i] !== '"') fail('key');
        const key = string();
        space();
        if (text[i] !== ':') fail('colon');
        i++;
        fields.push({ name: key.value, key: { from: key.from, to: key.to }, value: value(depth + 1) });
        space();
        if (text[i] === '}') return { kind: 'object', fields, from, to: ++i };
        if (text[i] !== ',') fail('comma');
        i++;
      }
    }
    if (c === '[') {
      i++;
      const items: JSONNode[] = [];
      space();
      if (text[i] === ']') return { kind: 'array', items, from, to: ++i };
      for (;;) {
        items.push(value(depth + 1));
        space();
        if (text[i] === ']') return { kind: 'array', items, from, to: ++i };
        if (text[i] !== ',') fail('comma');
        i++;
      }
    }
    const word = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/.exec(text.slice(i, i + 400))?.[0];
    if (word === undefined) return fail('value');
    i += word.length;
    if (word === 'null') return { kind: 'null', from, to: i };
    if (word === 'true' || word === 'false') return { kind: 'truth', value: word === 'true', from, to: i };
    return { kind: 'number', value: Number(word), from, to: i };
  };
  try {
    const node = value(0);
    space();
    if (i < text.length) fail('end');
    return { node };
  } catch (err) {
    if (err instanceof Error) throw err;
    return { problem: err as Problem };
  }
}

/** at is a place as editors count it, from 1. */
export function at(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: before[before.length - 1]!.length + 1 };
}
