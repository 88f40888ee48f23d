// Keys as people see them: folders, names, kinds.

/** folderOf is all of a key up to its last slash, which is part of it. */
export const folderOf = (key: string): string => key.slice(0, key.lastIndexOf('/', key.length - 2) + 1);

/** nameOf is what follows; of a folder's key, with its slash. */
export const nameOf = (key: string): string => key.slice(folderOf(key).length);

/** crumbs are the folders above a prefix, and itself. */
export function crumbs(prefix: string): { name: string; prefix: string }[] {
  const out: { name: string; prefix: string }[] = [];
  for (let at = prefix.indexOf('/'); at >= 0; at = prefix.indexOf('/', at + 1)) {
    const before = out.at(-1)?.prefix.length ?? 0;
    out.push({ name: prefix.slice(before, at), prefix: prefix.slice(0, at + 1) });
  }
  return out;
}

/** extensionOf is a name's extension in lower case, without the dot. */
export function extensionOf(key: string): string {
  const name = nameOf(key);
  const dot = name.lastIndexOf('.');
  return dot > 0 && dot < name.length - 1 ? name.slice(dot + 1).toLowerCase() : '';
}

export type Kind = 'image' | 'svg' | 'text' | 'video' | 'audio' | 'archive' | 'pdf' | 'other';

const kinds: [Kind, RegExp, RegExp][] = [
  ['svg', /^image\/svg/, /^svg$/],
  ['image', /^image\//, /^(jpe?g|png|gif|webp|bmp|tiff?|heic|avif|ico)$/],
  ['video', /^video\//, /^(mp4|webm|mov|m4v|ogv)$/],
  ['audio', /^audio\//, /^(mp3|wav|ogg|oga|m4a|flac|aac|opus)$/],
  ['pdf', /^application\/pdf$/, /^pdf$/],
  ['archive', /^application\/(zip|gzip|x-tar|x-7z|x-bzip)/, /^(zip|gz|tgz|tar|7z|rar|bz2|xz|zst)$/],
  [
    'text', /^text\/|^application\/(json|xml|javascript|x-javascript|x-sh|x-httpd-php|sql|x-yaml|yaml|toml|x-ndjson|ld\+json)|\+(json|xml)$/,
    /^(txt|md|json|jsonl|ndjson|xml|csv|tsv|log|js|mjs|cjs|ts|tsx|jsx|py|php|go|rs|java|c|h|cpp|rb|sh|sql|ya?ml|toml|ini|conf|env|html?|css|svg|properties)$/,
  ],
];

/** kindOf says how an object can be shown: by its type, or by its name if the type says nothing. */
export function kindOf(key: string, contentType = ''): Kind {
  const type = contentType.split(';')[0]!.trim().toLowerCase();
  const says = type !== '' && type !== 'application/octet-stream' && type !== 'binary/octet-stream';
  const ext = extensionOf(key);
  for (const [kind, byType, byName] of kinds) if (says ? byType.test(type) : byName.test(ext)) return kind;
  return 'other';
}

/** dotted: no browser can be made to ask for these, which an address takes for folders. */
export const dotted = (key: string): boolean => key === '.' || key === '..';

/** keyProblem says why something cannot be a key: a name of a message, or nothing. */
export function keyProblem(key: string): 'empty' | 'slash' | 'long' | 'zero' | 'dots' | undefined {
  if (key === '') return 'empty';
  if (/^[/\\]/.test(key)) return 'slash';
  if (key.includes('\0')) return 'zero';
  if (dotted(key)) return 'dots';
  if (new TextEncoder().encode(key).length > 1023) return 'long';
  return undefined;
}
