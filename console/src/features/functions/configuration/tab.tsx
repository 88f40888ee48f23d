import type { TabProps } from '../api';

export function ConfigurationTab({ fn }: TabProps) {
  return <p>{fn.functionName}</p>;
}
