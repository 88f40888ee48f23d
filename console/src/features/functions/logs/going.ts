// Runs that are not over, as the page keeps them between looks.
import type { RunUnderWay, UnderWay } from '../../../api/gen';

export interface Going extends RunUnderWay {
  began: number; // by this page's clock
  over?: number; // when the page saw that it was over
}

const short = 700; // milliseconds: what is over sooner is only shown when it is
const linger = 1500; // milliseconds until the record of a run stands in the list

const id = (r: RunUnderWay) => `${r.requestId} ${r.attempt}`;

/** taken adds what a look tells to what is known. */
export function taken(before: readonly Going[], u: UnderWay, now: number): Going[] {
  const known = new Map(before.map((r) => [id(r), r]));
  const ahead = now - Date.parse(u.now); // of the server's clock
  const out = (u.runs ?? []).map((r): Going => {
    const k = known.get(id(r));
    known.delete(id(r));
    const began = k?.began ?? r.startedAtUnixMicro / 1000 + ahead;
    return r.same ? { ...r, began, log: k?.log, logCut: r.logCut || !k || k.logCut } : { ...r, began };
  });
  // Of many, the server tells of the latest only: that one is missing says nothing then.
  const all = u.total <= out.length;
  for (const r of known.values()) {
    const over = r.over ?? (all ? now : undefined);
    if (over === undefined || (over - r.began >= short && now - over < linger)) out.push(over === undefined ? r : { ...r, over });
  }
  return out.sort((a, b) => b.startedAtUnixMicro - a.startedAtUnixMicro).slice(0, 40);
}

/** shownOf are those that go for long enough to be looked at. */
export const shownOf = (runs: readonly Going[], now: number): Going[] => runs.filter((r) => (r.over === undefined ? now - r.began >= short : now - r.over < linger));
