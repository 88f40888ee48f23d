import type { TabProps } from '../api';

export function CodeTab({ fn }: TabProps) {
  return <p>{fn.functionName}</p>;
}
