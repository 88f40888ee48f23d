import type { TabProps } from '../api';

export function LogsTab({ fn }: TabProps) {
  return <p>{fn.functionName}</p>;
}
