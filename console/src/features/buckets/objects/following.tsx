import type { Event, Events } from '../../../api/gen';
import { api } from '../../../shared/api';
import { useLive } from '../../../shared/live';

/**
 * Following tells what happens to the objects under a prefix, as it happens; first, what happened there last, since that
 * may have been after a list was read. It draws nothing. With another prefix it must be another one: give it a key.
 */
export function Following({ bucket, prefix, happened }: { bucket: string; prefix: string; happened: (events: Event[]) => void }) {
  useLive(true, async (cursor, signal) => {
    const of = { bucket, prefix: prefix || undefined };
    if (!cursor) {
      const p = await api.get<Events>('/events', { ...of, limit: 1 }, signal);
      happened(p.events ?? []);
      if (p.head) return p.head;
    }
    const p = await api.get<Events>('/events', { ...of, after: cursor || undefined, wait: 25, limit: 100 }, signal);
    if (p.events?.length) happened(p.events);
    return p.next || cursor;
  });
  return null;
}
