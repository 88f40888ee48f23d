import type { TabProps } from '../api';

export function TriggersTab({ fn }: TabProps) {
  return <p>{fn.functionName}</p>;
}
