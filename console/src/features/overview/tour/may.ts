// What the tour needs, so that it is not offered to a key that could not finish it.
import { useMay, useResources } from '../../../shared/may';
import type { Progress } from './progress';

/** Needs is what may not be done of what is needed: an empty action if all may be. */
export interface Needs {
  loading: boolean;
  missing: { action: string; resource: string; some: boolean };
}

/** useStep asks about one step of a tour; without one about all steps of any tour. */
export function useStep(at?: Progress): Needs {
  const { fn, bucket, object } = useResources();
  const some = !at;
  const step = at?.done;
  const b = at?.bucket ?? 'testbucket-';
  const f = fn(at?.fn ?? 'resize-');
  const ask = (when: number, action: string, resource: string, any = some) => ({ action: step === undefined || step === when ? action : '', resource, some: any });
  const checks = [
    ask(0, 'oss:PutBucket', bucket(b)),
    ask(0, 'fc:CreateFunction', f),
    ask(1, 'fc:CreateTrigger', f),
    ask(2, 'oss:PutObject', at ? object(b, 'source/') : bucket(b), true),
    ask(2, 'oss:ListObjects', bucket(b), true), // which says what became of it
  ] as const;
  const answers = [useCheck(checks[0]), useCheck(checks[1]), useCheck(checks[2]), useCheck(checks[3]), useCheck(checks[4])];
  const no = answers.findIndex((a) => !a.allowed);
  return { loading: answers.some((a) => a.loading), missing: no < 0 ? { action: '', resource: '', some } : checks[no]! };
}

const useCheck = (c: Needs['missing']) => useMay(c.action, c.resource, c.some);
