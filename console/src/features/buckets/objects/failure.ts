import { messageOf } from '../../../shared/api';
/** Failure is why something could not be done with an object. */
export interface Failure {
  key: string;
  why: string;
}

export const failureOf = (key: string, err: unknown): Failure => ({ key, why: messageOf(err) });

/** shownFailures is how many are told of one by one. */
export const shownFailures = 200;
