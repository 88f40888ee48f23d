// What the tour's buttons do: the same calls as anybody's tools make.
import { strToU8, zipSync } from 'fflate';
import type { Events, Owed, Runtime } from '../../../api/gen';
import { api, fc, Refusal, send } from '../../../shared/api';
import { oss } from '../../../shared/oss';
import { codeOf } from '../../../shared/templates/templates';

const order = ['nodejs', 'python', 'php'];

/** runtimeFor chooses what the sample runs on: Node.js if it can, an exact version if there is one. */
export function runtimeFor(list: readonly Runtime[]): Runtime | undefined {
  const rank = (r: Runtime) => (order.includes(r.language) ? order.indexOf(r.language) : order.length) * 2 + (r.exact ? 0 : 1);
  return list.filter((r) => r.available && order.includes(r.language)).sort((a, b) => rank(a) - rank(b) || b.name.localeCompare(a.name, undefined, { numeric: true }))[0];
}

/** exists lets a step be repeated: what is there already is what was wanted. */
async function unless(codes: string[], what: Promise<unknown>): Promise<void> {
  try {
    await what;
  } catch (err) {
    if (!(err instanceof Refusal && codes.includes(err.code))) throw err;
  }
}

export async function createFunction(bucket: string, fn: string, account: string): Promise<void> {
  const runtime = runtimeFor(await api.get<Runtime[]>('/runtimes'));
  if (!runtime) throw new Refusal(-1, 'NoRuntime', 'No Node.js, Python or PHP is installed on the server, so it can run no function.');
  await unless(['BucketAlreadyExists', 'BucketAlreadyOwnedByYou'], oss.createBucket(bucket));
  const files = Object.fromEntries(Object.entries(await codeOf('resize', runtime)).map(([name, text]) => [name, strToU8(text)]));
  const zip = zipSync(files, { level: 6 });
  let binary = '';
  for (const b of zip) binary += String.fromCharCode(b);
  await unless(
    ['FunctionAlreadyExists'],
    fc.post('/functions', {
      functionName: fn, runtime: runtime.name, handler: 'index.handler', role: `acs:ram::${account}:role/aliyunfcdefaultrole`, memorySize: 512, cpu: 0.35, timeout: 60, code: { zipFile: btoa(binary) },
    }),
  );
}

export const triggerName = 'oss-trigger';

export async function createTrigger(bucket: string, fn: string, account: string, region: string): Promise<void> {
  await unless(
    ['TriggerAlreadyExists'],
    fc.post(`/functions/${encodeURIComponent(fn)}/triggers`, {
      triggerName, triggerType: 'oss', qualifier: 'LATEST', sourceArn: `acs:oss:${region}:${account}:${bucket}`, invocationRole: `acs:ram::${account}:role/aliyunosseventnotificationrole`,
      triggerConfig: JSON.stringify({
        events: ['oss:ObjectCreated:PutObject', 'oss:ObjectCreated:PostObject', 'oss:ObjectCreated:CompleteMultipartUpload', 'oss:ObjectCreated:PutSymlink'],
        filter: { key: { prefix: 'source/', suffix: 'png' } },
      }),
    }),
  );
}

export async function upload(bucket: string, name: string, picture: Blob): Promise<void> {
  const form = new FormData();
  form.set('key', `source/${name}`);
  form.set('x-oss-content-type', 'image/png');
  form.set('success_action_status', '200');
  form.set('file', new File([picture], name, { type: 'image/png' })); // OSS takes what stands before the file
  await send(`/oss/${bucket}/`, { method: 'POST', body: form });
}

/** head is where the events of a bucket stand now. */
export async function head(bucket: string): Promise<string> {
  return (await api.get<Events>('/events', { bucket, limit: 1 })).head ?? '';
}

/**
 * outcome waits until the picture was processed, and returns null; or the run's state if it
 * is over otherwise.
 */
export async function outcome(bucket: string, name: string, after: string, signal: AbortSignal): Promise<Owed | null> {
  for (;;) {
    const made = await api.get<Events>('/events', { bucket, key: `processed/${name}`, after, wait: 5, limit: 1 }, signal);
    if (made.events?.length) return null;
    const source = await api.get<Events>('/events', { bucket, key: `source/${name}`, limit: 1 }, signal);
    const owed = source.events?.[0]?.owed?.[0];
    if (owed && ['Failed', 'Expired', 'Invalid', 'Stopped', 'Retrying'].includes(owed.state)) return owed;
    signal.throwIfAborted();
  }
}
