import type { TabProps } from '../api';

export function VersionsTab({ fn }: TabProps) {
  return <p>{fn.functionName}</p>;
}
