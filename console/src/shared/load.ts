// Importing parts of the console from a server that may be away just then.
import { answering, ping } from './reach';

/** styled asks again for style sheets that did not come: whoever imports a part asks for each but once. */
export async function styled(): Promise<void> {
  const missing = [...document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]')].filter((l) => !l.sheet);
  await Promise.all(
    missing.map(
      (l) =>
        new Promise((resolve) => {
          const again = l.cloneNode() as HTMLLinkElement;
          again.addEventListener('load', resolve);
          again.addEventListener('error', resolve);
          l.replaceWith(again);
        }),
    ),
  );
}

/** attempt imports; if that fails though the server is there, once more, since it may just have come back. */
export async function attempt<T>(load: () => Promise<T>): Promise<{ got: T } | { error: unknown; away: boolean }> {
  for (let again = false; ; again = true) {
    try {
      if (again) await styled();
      return { got: await load() };
    } catch (error) {
      const there = await ping();
      if (!there || again) return { error, away: !there };
    }
  }
}

/** loaded imports something, however long the server is away; it fails only if the server has not got it. */
export async function loaded<T>(load: () => Promise<T>): Promise<T> {
  for (;;) {
    const a = await attempt(load);
    if ('got' in a) return a.got;
    if (!a.away) throw a.error;
    await answering();
    await styled();
  }
}
