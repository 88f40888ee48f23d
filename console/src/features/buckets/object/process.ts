// x-oss-process as controls: a recipe is what the controls show, a process is its string.

export const modes = ['lfit', 'mfit', 'fill', 'pad', 'fixed'] as const;
export const gravities = ['nw', 'north', 'ne', 'west', 'center', 'east', 'sw', 'south', 'se'] as const;
export const formats = ['jpg', 'png', 'webp', 'avif', 'gif', 'bmp', 'tiff'] as const;

/** Recipe has at most one of each action; actions run in the order of order. */
export interface Recipe {
  orient?: boolean;
  crop?: { w?: number; h?: number; x?: number; y?: number; g?: string };
  resize?: { mode?: string; w?: number; h?: number; l?: number; s?: number; p?: number; enlarge?: boolean; color?: string };
  rotate?: number;
  flip?: number; // 0 horizontal, 1 vertical, 2 both
  corners?: number;
  circle?: number;
  blur?: { r: number; s: number };
  bright?: number;
  contrast?: number;
  sharpen?: number;
  interlace?: boolean;
  format?: string;
  quality?: { value: number; absolute?: boolean };
}

const pairs = (...items: [string, number | string | undefined][]) => items.filter(([, v]) => v !== undefined && v !== '').map(([k, v]) => `,${k}_${v}`).join('');

/** build writes a recipe as a process string; nothing if the recipe does nothing. */
export function build(r: Recipe): string {
  const out: string[] = [];
  const { crop, resize, blur, quality } = r;
  if (r.orient !== undefined) out.push(`auto-orient,${r.orient ? 1 : 0}`);
  if (crop && Object.values(crop).some((v) => v !== undefined)) out.push('crop' + pairs(['w', crop.w], ['h', crop.h], ['x', crop.x], ['y', crop.y], ['g', crop.g]));
  if (resize && (resize.w || resize.h || resize.l || resize.s || resize.p)) {
    const color = resize.mode === 'pad' ? resize.color : undefined;
    out.push('resize' + pairs(['m', resize.mode], ['w', resize.w], ['h', resize.h], ['l', resize.l], ['s', resize.s], ['p', resize.p], ['limit', resize.enlarge ? 0 : undefined], ['color', color]));
  }
  if (r.rotate) out.push(`rotate,${r.rotate}`);
  if (r.flip !== undefined) out.push(`flip,v_${r.flip}`);
  if (r.corners) out.push(`rounded-corners,r_${r.corners}`);
  if (r.circle) out.push(`circle,r_${r.circle}`);
  if (blur) out.push(`blur,r_${blur.r},s_${blur.s}`);
  if (r.bright) out.push(`bright,${r.bright}`);
  if (r.contrast) out.push(`contrast,${r.contrast}`);
  if (r.sharpen) out.push(`sharpen,${r.sharpen}`);
  if (r.interlace) out.push('interlace,1');
  if (r.format) out.push(`format,${r.format}`);
  if (quality) out.push(`quality,${quality.absolute ? 'Q' : 'q'}_${quality.value}`);
  return out.length === 0 ? '' : 'image/' + out.join('/');
}

/** parse reads what build writes; null for all else, which only the string can show. */
export function parse(process: string): Recipe | null {
  if (process === '') return {};
  if (!process.startsWith('image/')) return null;
  const r: Recipe = {};
  for (const action of process.slice('image/'.length).split('/')) {
    const [name = '', ...rest] = action.split(',');
    const a: Record<string, string> = {};
    let bare = '';
    for (const item of rest) {
      const at = item.indexOf('_');
      if (at > 0) a[item.slice(0, at)] = item.slice(at + 1);
      else bare = item;
    }
    const n = (k: string) => (a[k] === undefined ? undefined : Number(a[k]));
    if (name === 'auto-orient') r.orient = bare === '1';
    else if (name === 'crop') r.crop = { w: n('w'), h: n('h'), x: n('x'), y: n('y'), g: a.g };
    else if (name === 'resize') r.resize = { mode: a.m, w: n('w'), h: n('h'), l: n('l'), s: n('s'), p: n('p'), enlarge: a.limit === '0' || undefined, color: a.color };
    else if (name === 'rotate') r.rotate = Number(bare);
    else if (name === 'flip') r.flip = n('v');
    else if (name === 'rounded-corners') r.corners = n('r');
    else if (name === 'circle') r.circle = n('r');
    else if (name === 'blur') r.blur = { r: n('r') ?? 0, s: n('s') ?? 0 };
    else if (name === 'bright') r.bright = Number(bare);
    else if (name === 'contrast') r.contrast = Number(bare);
    else if (name === 'sharpen') r.sharpen = Number(bare);
    else if (name === 'interlace') r.interlace = bare === '1';
    else if (name === 'format') r.format = bare;
    else if (name === 'quality') r.quality = a.Q === undefined ? { value: n('q') ?? 0 } : { value: n('Q') ?? 0, absolute: true };
  }
  return build(r) === process ? r : null;
}

/** base64url is a text in the base64 that sys/saveas takes. */
export function base64url(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** saving is a process that keeps its result. */
export const saving = (process: string, bucket: string, key: string): string => `${process}|sys/saveas,o_${base64url(key)},b_${base64url(bucket)}`;

/** processedName suggests where to keep a result: "processed/a.webp" for "source/a.png". */
export function processedName(key: string, format?: string): string {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const ext = format ? '.' + format : dot > 0 ? name.slice(dot) : '';
  const below = key.startsWith('source/') ? key.slice('source/'.length, key.length - name.length) : key.slice(0, key.length - name.length);
  return `processed/${below}${dot > 0 ? name.slice(0, dot) : name}${ext}`;
}

export interface Place {
  address: string; // http://host:port
  region: string;
  bucket: string;
  key: string;
}

const js = (s: string) => `'${s.replace(/\\/g, '\\\\').replace(/'/g, "\\'").replace(/\n/g, '\\n')}'`;

/** snippets are programs that do what the playground shows. */
export function snippets(at: Place, process: string, target = ''): { node: string; python: string } {
  const { address, region, bucket, key } = at;
  return {
    node: [
      "const OSS = require('ali-oss');",
      '',
      'const client = new OSS({',
      `  region: ${js('oss-' + region)},`,
      `  endpoint: ${js(address)},`,
      '  sldEnable: true, // the bucket stands in the path',
      `  bucket: ${js(bucket)},`,
      '  accessKeyId: process.env.OSS_ACCESS_KEY_ID,',
      '  accessKeySecret: process.env.OSS_ACCESS_KEY_SECRET,',
      '});',
      '',
      target ? `await client.processObjectSave(${js(key)}, ${js(target)}, ${js(process)}, ${js(bucket)});` : `const { content } = await client.get(${js(key)}, { process: ${js(process)} });`,
    ].join('\n'),
    python: [
      'import os',
      ...(target ? ['import base64'] : []),
      'import oss2',
      '',
      "auth = oss2.Auth(os.environ['OSS_ACCESS_KEY_ID'], os.environ['OSS_ACCESS_KEY_SECRET'])",
      `bucket = oss2.Bucket(auth, ${js(address)}, ${js(bucket)}, is_path_style=True)`,
      '',
      ...(target
        ? [
            `encode = lambda s: base64.urlsafe_b64encode(s.encode()).decode().rstrip('=')`,
            `bucket.process_object(${js(key)}, ${js(process)} + '|sys/saveas,o_' + encode(${js(target)}) + ',b_' + encode(${js(bucket)}))`,
          ]
        : [`data = bucket.get_object(${js(key)}, process=${js(process)}).read()`]),
    ].join('\n'),
  };
}
