import type { TabProps } from '../api';

export function TestTab({ fn }: TabProps) {
  return <p>{fn.functionName}</p>;
}
