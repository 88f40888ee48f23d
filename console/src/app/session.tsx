import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
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
  const signIn = useCallback(async (accessKeyId: string, accessKeySecret: string) => {
    setSession(await api.post<Session>('/session', { accessKeyId, accessKeySecret }));
    setEnded(false);
  }, []);
  const signOut = useCallback(async () => {
    setSession(await api.del<Session>('/session'));
    setEnded(false);
  }, []);
  const value = useMemo(() => ({ session, ended, signIn, signOut }), [session, ended, signIn, signOut]);
  return <context.Provider value={value}>{children}</context.Provider>;
}
