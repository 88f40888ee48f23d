import { Alert } from 'antd';
import { shownFailures, type Failure } from './failure';

/** Failures tells with which objects something could not be done, and why. */
export function Failures({ title, of }: { title: string; of: readonly Failure[] }) {
  return (
    <Alert
      type="error"
      showIcon
      title={title}
      description={
        <ul className="key-list" tabIndex={0} aria-label={title}>
          {of.slice(0, shownFailures).map((f) => (
            <li key={f.key}>
              <span className="mono">{f.key}</span>: {f.why}
            </li>
          ))}
        </ul>
      }
    />
  );
}
