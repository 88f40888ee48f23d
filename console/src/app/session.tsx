import { useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import type { Session } from '../api/gen';
import { api, onSignedOut } from '../shared/api';

function boot(): Session {
  try {
    return JSON.parse(document.getElementById('boot')?.textContent ?? '') as Session;
  } catch {
    return { signedIn: false, account: '', region: '', version: '' };
  }
}

interface Holder {
  session: Session;
  /** ended: there was a session, and the server no longer knows it; the page stays as it is. */
  ended: boolean;
  signIn: (id: string, secret: string) => Promise<void>;
  signOut: () => Promise<void>;
}

const context = createContext<Holder | null>(null);

export function useSession(): Holder {
  const s = useContext(context);
  if (!s) throw new Error('useSession outside of SessionProvider');
  return s;
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const [session, setSession] = useState(boot);
  const [ended, setEnded] = useState(false);
  useEffect(() => onSignedOut(() => setEnded(true)), []);
  const client = useQueryClient();
  const was = useRef(session);
  const begin = useCallback(
    (next: Session) => {
      // What one key was told is not shown to another.
      if (was.current.signedIn && !next.signedIn) client.clear();
      else if (was.current.kind !== next.kind || was.current.name !== next.name) void client.resetQueries();
      was.current = next;
      setSession(next);
      setEnded(false);
    },
    [client],
  );
  const signIn = useCallback(async (accessKeyId: string, accessKeySecret: string) => begin(await api.post<Session>('/session', { accessKeyId, accessKeySecret })), [begin]);
  const signOut = useCallback(async () => begin(await api.del<Session>('/session')), [begin]);
  const value = useMemo(() => ({ session, ended, signIn, signOut }), [session, ended, signIn, signOut]);
  return <context.Provider value={value}>{children}</context.Provider>;
}
