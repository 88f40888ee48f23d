// How a user or a role is edited: what is typed is kept, checked before it is sent, and
// saved only onto what it was made from.
import { useQueryClient, type QueryKey } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { Refusal } from '../../shared/api';
import { askAgain } from '../../shared/may';
import { useDraft, type Draft } from './draft';
import { merge, type Merged, type Parts } from './merge';

export interface Editing<D> {
  draft: Draft<D>;
  /** theirs is what the server has */
  theirs: D;
  tried: boolean;
  invalid: boolean;
  busy: boolean;
  refused: Refusal | null;
  /** kept is what came of keeping mine, until something is saved or discarded */
  kept: Merged<D>['clashes'] | null;
  save: () => Promise<void>;
  discard: () => void;
  keepMine: () => void;
}

export function useEditing<T extends { name: string; revision: string }, D extends Parts>(thing: T, p: {
  /** key is the draft's */
  key: string;
  draftOf: (thing: T) => D;
  wrong: (d: D) => boolean;
  update: (d: D, revision: string) => Promise<T>;
  /** one is the query of this thing, all of every one of its kind */
  one: QueryKey;
  all: QueryKey;
}): Editing<D> {
  const client = useQueryClient();
  const { draftOf } = p;
  const saved = useMemo(() => ({ revision: thing.revision, value: draftOf(thing) }), [thing, draftOf]);
  const draft = useDraft(p.key, saved);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Refusal | null>(null);
  const [kept, setKept] = useState<Merged<D>['clashes'] | null>(null);
  const calm = () => {
    setTried(false);
    setRefused(null);
    setKept(null);
  };
  const save = async () => {
    setTried(true);
    setRefused(null);
    if (p.wrong(draft.value)) return;
    setBusy(true);
    try {
      const made = await p.update(draft.value, draft.base.revision);
      client.setQueryData(p.one, made);
      draft.settle(draft.value, { revision: made.revision, value: draftOf(made) }); // it may have been typed on meanwhile
      calm();
      void client.invalidateQueries({ queryKey: p.all });
      void askAgain(client);
    } catch (err) {
      const r = err as Refusal;
      // Somebody else was faster: what they made of it shows that, and what can be done.
      if (r.status === 412 || r.status === 404) await client.refetchQueries({ queryKey: p.one });
      if (r.status !== 412) setRefused(r);
    } finally {
      setBusy(false);
    }
  };
  return {
    draft,
    theirs: saved.value,
    tried,
    invalid: p.wrong(draft.value),
    busy,
    refused,
    kept: draft.changed ? kept : null,
    save,
    discard: () => {
      draft.discard();
      calm();
    },
    keepMine: () => {
      const m = merge(draft.base.value, draft.value, saved.value);
      draft.rebase(m.value);
      calm();
      setKept(m.clashes);
    },
  };
}
