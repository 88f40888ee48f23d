// What may stand where the cursor is in a policy that is typed.
import { checkable, known, listedServices, services } from './actions';
import { conditionKeys, operators, statementFields, type PolicyKind } from './policy';

/** Completion are the texts that may stand in the string that holds the cursor; from is where its content begins. */
export interface Completion {
  from: number;
  options: string[];
}

interface Frame {
  list: boolean;
  key?: string;
  /** value: the next string is one, and no key */
  value: boolean;
}

/** complete looks only at what stands before the cursor: what follows may not be JSON yet. */
export function complete(text: string, pos: number, kind: PolicyKind): Completion | null {
  const stack: Frame[] = [];
  let i = 0;
  while (i < pos) {
    const c = text[i]!;
    const top = stack.at(-1);
    if (c === '"') {
      const from = ++i;
      while (i < pos && text[i] !== '"' && text[i] !== '\n') i += text[i] === '\\' ? 2 : 1;
      if (i >= pos) return top ? { from, options: optionsAt(stack, kind) } : null;
      if (text[i] === '"' && top && !top.list && !top.value) top.key = text.slice(from, i);
    } else if (c === '{' || c === '[') stack.push({ list: c === '[', value: c === '[' });
    else if (c === '}' || c === ']') stack.pop();
    else if (top && c === ':') top.value = true;
    else if (top && c === ',') top.value = top.list;
    i++;
  }
  return null;
}

function optionsAt(stack: Frame[], kind: PolicyKind): string[] {
  const path = stack.filter((f) => !f.list).map((f) => f.key);
  const top = stack.at(-1)!;
  if (!top.value) {
    const parent = path.slice(0, -1);
    switch (parent.length) {
      case 0:
        return ['Version', 'Statement'];
      case 1:
        return statementFields[kind];
      case 2:
        return parent[1] === 'Condition' ? Object.keys(operators) : parent[1] === 'Principal' ? ['Service', 'RAM'] : [];
      case 3:
        return parent[1] === 'Condition' ? conditionKeys : [];
    }
    return [];
  }
  if (path.length === 1) return path[0] === 'Version' ? ['1'] : [];
  switch (path[1]) {
    case 'Effect':
      return ['Allow', 'Deny'];
    case 'Action':
    case 'NotAction':
      return kind === 'trust' ? ['sts:AssumeRole'] : [...services.map((s) => s + ':*'), ...Object.keys(checkable), ...known.filter((k) => !checkable[k])];
    case 'Resource':
    case 'NotResource':
      return ['*', 'acs:oss:*:*:', 'acs:fc:*:*:functions/', 'acs:ram::*:user/', 'acs:ram::*:role/'];
    case 'Principal':
      return path[2] === 'Service' ? listedServices : [];
  }
  return [];
}
