import { useEffect, useRef, useState } from 'react';
import { Refusal } from './api';
import { answering, polling } from './reach';

/** Liveness of a view: what the header says. */
export type Liveness = 'live' | 'paused' | 'reconnecting';

let state: { liveness: Liveness; since: number } = { liveness: 'paused', since: Date.now() };
const watchers = new Set<() => void>();
let active = 0;

function say(liveness: Liveness) {
  if (state.liveness === liveness) return;
  state = { liveness, since: Date.now() };
  for (const f of watchers) f();
}

/** useLiveness is the state of the visible live view, if the page has one. */
export function useLiveness(): { liveness: Liveness; since: number; any: boolean } {
  const [, again] = useState(0);
  useEffect(() => {
    const f = () => again((n) => n + 1);
    watchers.add(f);
    return () => void watchers.delete(f);
  }, []);
  return { ...state, any: active > 0 };
}

/**
 * useLive runs a long poll while the tab is visible and on is true: a hidden tab holds no
 * connection (a browser has six for one origin), and goes on from its cursor when it is
 * shown again. poll waits on the server for what comes after a cursor and returns the
 * next one; it is called again at once, or after a growing pause while nobody answers.
 * With pace, its calls begin at least that many milliseconds apart, however much happens.
 * of names what is followed, where that changes: the call under way for something else is
 * given up, and neither waited for nor allowed to move the cursor.
 */
export function useLive(on: boolean, poll: (cursor: string, signal: AbortSignal) => Promise<string>, { from = '', pace = 0, of = '' }: { from?: string; pace?: number; of?: string } = {}): void {
  const latest = useRef({ poll, pace });
  latest.current = { poll, pace };
  const asked = useRef(0);
  const cursor = useRef(from);
  useEffect(() => {
    cursor.current = from;
  }, [from, of]);
  useEffect(() => {
    if (!on) return;
    active++;
    let stop = new AbortController();
    const loop = async (signal: AbortSignal) => {
      polling(1);
      await follow(signal).finally(() => polling(-1));
    };
    const follow = async (signal: AbortSignal) => {
      for (let pause = 500; !signal.aborted; ) {
        try {
          const early = asked.current + latest.current.pace - Date.now();
          if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
          if (signal.aborted) return;
          asked.current = Date.now();
          const next = await latest.current.poll(cursor.current, signal);
          if (signal.aborted) return; // the cursor may be another's by now
          cursor.current = next;
          say('live');
          pause = 500;
        } catch (err) {
          if (signal.aborted) return;
          const refused = err instanceof Refusal && !err.unreachable && err.status < 500;
          say(refused ? 'paused' : 'reconnecting');
          if (refused) return;
          if (err instanceof Refusal && err.unreachable) {
            await answering(signal);
            if (!signal.aborted) say('live'); // the next poll may wait for long before it says so
          } else await new Promise((resolve) => setTimeout(resolve, pause));
          pause = Math.min(pause * 2, 8000);
        }
      }
    };
    const start = () => {
      stop = new AbortController();
      say('live');
      void loop(stop.signal);
    };
    const visibility = () => {
      stop.abort();
      if (document.visibilityState === 'visible') start();
      else say('paused');
    };
    document.addEventListener('visibilitychange', visibility);
    if (document.visibilityState === 'visible') start();
    return () => {
      active--;
      stop.abort();
      document.removeEventListener('visibilitychange', visibility);
      if (active === 0) say('paused');
    };
  }, [on, of]);
}
