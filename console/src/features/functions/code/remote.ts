import { fc, send } from '../../../shared/api';
import { path } from '../api';

export interface Code {
  checksum: string;
  zip: Uint8Array;
}

/** fetchCode gets the zip of LATEST, a version or an alias. */
export async function fetchCode(name: string, qualifier: string, signal?: AbortSignal): Promise<Code> {
  const { checksum, url } = await fc.get<{ checksum: string; url: string }>(path(name) + '/code', { qualifier: qualifier === 'LATEST' ? '' : qualifier }, signal);
  const link = new URL(url); // of FC's own address; this origin serves the same
  const r = await send('/fc' + link.pathname + link.search, { signal });
  return { checksum, zip: new Uint8Array(await r.arrayBuffer()) };
}
