import type { TabProps } from '../api';

export function MonitoringTab({ fn }: TabProps) {
  return <p>{fn.functionName}</p>;
}
