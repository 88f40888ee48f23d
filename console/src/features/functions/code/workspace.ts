// The one place that knows what this tab has done to a function's code. It outlives the
// Code tab, so that the Test tab knows what is not deployed.
import { useEffect, useSyncExternalStore } from 'react';
import { fc, messageOf, Refusal, send } from '../../../shared/api';
import { path as functionPath, type Fn } from '../api';
import { applied, edited, rebased, type Changes, type Conflict } from './changes';
import * as drafts from './drafts';
import { base64, maxEditable, pack, same, TooLarge, unpack, type Files } from './package';
import { fetchCode } from './remote';

export interface State {
  /** large: too large to be edited here */
  phase: 'idle' | 'loading' | 'ready' | 'large' | 'failed';
  /** checksum of the deployed code that files are */
  checksum: string;
  size: number;
  files: Files;
  changes: Changes;
  /** conflicts wait for a decision: both this tab and somebody else changed them */
  conflicts: Conflict[];
  /** restored: when the draft that is shown again was left */
  restored?: number;
  /** carried: somebody deployed meanwhile, and this tab's changes are on top of that now */
  carried: boolean;
  /** unkept: the browser keeps no draft, and why */
  unkept?: string;
  deploying: boolean;
  problem?: unknown;
}

const start: State = { phase: 'idle', checksum: '', size: 0, files: new Map(), changes: new Map(), conflicts: [], carried: false, deploying: false };

// met carries changes over to theirs; what was in conflict before stays so.
function met(changes: Changes, before: Conflict[], theirs: Files): { changes: Changes; conflicts: Conflict[] } {
  const r = rebased(changes, theirs);
  const still = before.filter((c) => r.changes.has(c.path) && !r.conflicts.some((x) => x.path === c.path));
  return { changes: r.changes, conflicts: [...r.conflicts, ...still.map((c) => ({ ...c, theirs: theirs.get(c.path)?.data ?? null }))] };
}

/** Stale: the code is not the one that the edits began with. */
export class Stale extends Error {
  /** now is the function as it was found */
  constructor(readonly now: Fn) {
    super();
  }
}

export class Workspace {
  state: State = start;
  private readonly watchers = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly name: string) {}

  readonly subscribe = (f: () => void) => {
    this.watchers.add(f);
    return () => void this.watchers.delete(f);
  };
  readonly get = () => this.state;

  private set(part: Partial<State>) {
    this.state = { ...this.state, ...part };
    for (const f of this.watchers) f();
  }

  /** load reads the deployed code, once, and the draft on top of it. */
  async load(again = false): Promise<void> {
    if (this.state.phase === 'loading' || (this.state.phase !== 'idle' && !again)) return;
    this.set({ phase: 'loading', problem: undefined });
    try {
      const draft = await drafts.begin(this.name).catch((err: unknown) => {
        this.set({ unkept: messageOf(err) });
        return null;
      });
      const { checksum, files, size } = await this.fetch();
      const mine: Changes = new Map(draft?.changes ?? []);
      const carried = draft !== null && draft.checksum !== checksum;
      const r = carried ? met(mine, draft.conflicts, files) : { changes: mine, conflicts: draft?.conflicts ?? [] };
      this.set({ phase: 'ready', checksum, files, size, ...r, carried: carried && r.changes.size > 0, restored: r.changes.size > 0 ? draft?.at : undefined });
    } catch (err) {
      this.set(err instanceof TooLarge ? { phase: 'large', problem: err } : { phase: 'failed', problem: err });
    }
  }

  private async fetch() {
    const { checksum, zip } = await fetchCode(this.name, 'LATEST');
    this.set({ size: zip.length });
    if (zip.length > maxEditable) {
      this.set({ checksum });
      throw new TooLarge(String(zip.length));
    }
    return { checksum, files: unpack(zip), size: zip.length };
  }

  /** edit makes a file mine: its bytes, or null to delete it. */
  edit(path: string, mine: Uint8Array | null): void {
    this.set({ changes: edited(this.state.files, this.state.changes, path, mine) });
    this.keepSoon();
  }

  rename(from: string, to: string): void {
    const data = applied(this.state.files, this.state.changes).get(from)?.data;
    if (!data) return;
    let changes = edited(this.state.files, this.state.changes, from, null);
    changes = edited(this.state.files, changes, to, data);
    this.set({ changes });
    this.keepSoon();
  }

  /** replace makes a whole package mine. */
  replace(files: Files): void {
    let changes: Changes = new Map();
    for (const p of this.state.files.keys()) if (!files.has(p)) changes = edited(this.state.files, changes, p, null);
    for (const [p, e] of files) changes = edited(this.state.files, changes, p, e.data);
    this.set({ changes });
    this.keepSoon();
  }

  /** discard gives up one file's change, or all. */
  discard(path?: string): void {
    const changes = new Map(path === undefined ? [] : this.state.changes);
    if (path !== undefined) changes.delete(path);
    this.set({ changes, conflicts: this.state.conflicts.filter((c) => path !== undefined && c.path !== path), restored: undefined, carried: path !== undefined && this.state.carried });
    this.keepSoon();
  }

  /** decide ends a conflict: mine is what the file shall be. */
  decide(path: string, mine: Uint8Array | null): void {
    this.set({ conflicts: this.state.conflicts.filter((c) => c.path !== path) });
    this.edit(path, mine);
  }

  noticed(): void {
    this.set({ restored: undefined, carried: false });
  }

  private keepSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.keep(), 300);
  }

  /** keep writes the draft now. */
  async keep(): Promise<void> {
    clearTimeout(this.timer);
    const { changes, checksum, conflicts } = this.state;
    try {
      if (changes.size === 0) await drafts.drop(this.name);
      else await drafts.keep({ name: this.name, checksum, changes: [...changes], conflicts });
      if (this.state.unkept) this.set({ unkept: undefined });
    } catch (err) {
      this.set({ unkept: messageOf(err) });
    }
  }

  /** join takes what somebody else deployed, and this tab's changes on top of it. */
  async join(): Promise<void> {
    const { checksum, files, size } = await this.fetch();
    if (checksum === this.state.checksum) return;
    const r = met(this.state.changes, this.state.conflicts, files);
    this.set({ checksum, files, size, ...r, carried: r.changes.size > 0 });
    await this.keep();
  }

  /**
   * deploy sends the package as it is in this tab, if the deployed one is still that which
   * the edits began with: it compares checksums and has the server hold its answer to them
   * with If-Match. Otherwise it takes in what came, and throws Stale; nothing is lost.
   */
  async deploy(): Promise<Fn> {
    this.set({ deploying: true });
    try {
      for (let tries = 0; ; tries++) {
        const r = await send('/fc/2023-03-30' + functionPath(this.name));
        const now = (await r.json()) as Fn;
        if (now.codeChecksum !== this.state.checksum) {
          await this.join();
          if (this.state.changes.size === 0) return now; // what they deployed is what I have
          throw new Stale(now);
        }
        const { files, changes } = this.state;
        const whole = applied(files, changes);
        try {
          return await this.send(pack(whole), r.headers.get('ETag') ?? '', whole, changes);
        } catch (err) {
          if (!(err instanceof Refusal && err.status === 412) || tries >= 4) throw err;
        }
      }
    } finally {
      this.set({ deploying: false });
    }
  }

  private async send(zip: Uint8Array, etag: string, whole: Files, sent: Changes): Promise<Fn> {
    const r = await send('/fc/2023-03-30' + functionPath(this.name), {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', 'If-Match': etag },
      body: JSON.stringify({ code: { zipFile: base64(zip) } }),
    });
    const fn = (await r.json()) as Fn;
    await this.sent(fn, zip, whole, sent);
    return fn;
  }

  // What was typed while it was sent is not deployed.
  private async sent(fn: Fn, zip: Uint8Array, whole: Files, sent: Changes): Promise<void> {
    let changes: Changes = new Map();
    for (const [path, { mine }] of this.state.changes) {
      if (!same(mine, sent.get(path)?.mine ?? null) || !sent.has(path)) changes = edited(whole, changes, path, mine);
    }
    this.set({ phase: 'ready', checksum: fn.codeChecksum, files: whole, size: zip.length, changes, restored: undefined, carried: false });
    await this.keep();
  }

  /** whole is the package as it is in this tab. */
  whole(): Files {
    return applied(this.state.files, this.state.changes);
  }

  /** again makes the function anew, with the settings that it had and the code as it is in this tab. */
  async again(fn: Fn): Promise<Fn> {
    this.set({ deploying: true });
    try {
      const whole = this.whole();
      const sent = this.state.changes;
      const zip = pack(whole);
      const { functionName, runtime, handler, description, memorySize, cpu, diskSize, timeout, instanceConcurrency, environmentVariables, role } = fn;
      const made = await fc.post<Fn>('/functions', {
        functionName, runtime, handler, description, memorySize, cpu, diskSize, timeout, instanceConcurrency, environmentVariables, role, code: { zipFile: base64(zip) },
      });
      await this.sent(made, zip, whole, sent);
      return made;
    } finally {
      this.set({ deploying: false });
    }
  }

  /** deployZip sends a zip as it is: one too large to be edited. */
  async deployZip(zip: Uint8Array): Promise<Fn> {
    this.set({ deploying: true });
    try {
      const r = await send('/fc/2023-03-30' + functionPath(this.name), {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ code: { zipFile: base64(zip) } }),
      });
      const fn = (await r.json()) as Fn;
      await drafts.drop(this.name).catch(() => {});
      this.state = start;
      await this.load();
      return fn;
    } finally {
      this.set({ deploying: false });
    }
  }
}

const all = new Map<string, Workspace>();

export function workspaceOf(name: string): Workspace {
  let w = all.get(name);
  if (!w) all.set(name, (w = new Workspace(name)));
  return w;
}

/** forget drops what is known of a function that is gone. */
export function forget(name: string): void {
  all.delete(name);
}

// What was typed in the last moment before the page goes.
addEventListener('pagehide', () => all.forEach((w) => w.state.changes.size > 0 && void w.keep()));
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') all.forEach((w) => w.state.changes.size > 0 && void w.keep());
});

/** useWorkspace is a function's code in this tab, loaded. */
export function useWorkspace(name: string): { workspace: Workspace; state: State } {
  const workspace = workspaceOf(name);
  const state = useSyncExternalStore(workspace.subscribe, workspace.get);
  useEffect(() => void workspace.load(), [workspace]);
  return { workspace, state };
}
