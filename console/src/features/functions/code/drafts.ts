// Drafts: changes that are not deployed, kept in the browser so that a reload or a crash
// loses nothing. Each tab has its own; one that its tab left behind goes to the next tab
// that opens the function.
import type { Change, Conflict } from './changes';

export interface Draft {
  name: string;
  tab: string;
  checksum: string;
  changes: [string, Change][];
  conflicts: Conflict[];
  at: number;
}

let opening: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const r = indexedDB.open('alcedo.drafts', 1);
    r.onupgradeneeded = () => r.result.createObjectStore('drafts', { keyPath: ['name', 'tab'] });
    r.onsuccess = () => resolve(r.result);
    r.onerror = () => reject(r.error ?? new Error('no storage'));
  });
  return opening;
}

async function transact<T>(mode: IDBTransactionMode, f: (s: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await open();
  return new Promise((resolve, reject) => {
    const t = db.transaction('drafts', mode);
    const r = f(t.objectStore('drafts'));
    t.oncomplete = () => resolve(r.result);
    t.onerror = t.onabort = () => reject(t.error ?? new Error('no storage'));
  });
}

const newID = () => Math.random().toString(36).slice(2) + Date.now().toString(36);

let tab = sessionStorage.getItem('alcedo.tab') ?? newID();
sessionStorage.setItem('alcedo.tab', tab);

const channel = 'BroadcastChannel' in window ? new BroadcastChannel('alcedo.drafts') : null;
const editing = new Set<string>();
const answers = new Set<(id: string, me: string) => void>();
const me = newID(); // a duplicated tab has the other's id in its storage, but not this

interface Message {
  ask?: string;
  open?: string;
  tab: string;
  me: string;
}

channel?.addEventListener('message', (e: MessageEvent<Message>) => {
  if (e.data.ask && editing.has(e.data.ask)) channel.postMessage({ open: e.data.ask, tab, me } satisfies Message);
  if (e.data.open) for (const f of answers) f(e.data.tab, e.data.me);
});

// others are the tabs that have the function open now.
async function others(name: string): Promise<Set<string>> {
  const ids = new Set<string>();
  if (!channel) return ids;
  const f = (id: string, who: string) => {
    if (who !== me) ids.add(id);
  };
  answers.add(f);
  channel.postMessage({ ask: name, tab, me } satisfies Message);
  await new Promise((resolve) => setTimeout(resolve, 120));
  answers.delete(f);
  return ids;
}

/** begin says that this tab edits a function, and gives the draft to go on with. */
export async function begin(name: string): Promise<Draft | null> {
  const elsewhere = await others(name);
  if (elsewhere.has(tab)) {
    tab = newID();
    sessionStorage.setItem('alcedo.tab', tab);
  }
  editing.add(name);
  const all = await transact('readonly', (s) => s.getAll(IDBKeyRange.bound([name], [name, []])) as IDBRequest<Draft[]>);
  const mine = all.find((d) => d.tab === tab) ?? all.filter((d) => !elsewhere.has(d.tab)).sort((a, b) => b.at - a.at)[0];
  if (mine && mine.tab !== tab) {
    await transact('readwrite', (s) => s.put({ ...mine, tab }));
    await transact('readwrite', (s) => s.delete([name, mine.tab]));
  }
  return mine ? { ...mine, tab } : null;
}

export const keep = (d: Omit<Draft, 'tab' | 'at'>): Promise<unknown> => transact('readwrite', (s) => s.put({ ...d, tab, at: Date.now() } satisfies Draft));

export const drop = (name: string): Promise<unknown> => transact('readwrite', (s) => s.delete([name, tab]));
