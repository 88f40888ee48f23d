// The code that a new function can begin with. The resize function is the listing of the
// cloud's documentation, as printed there.
import type { Runtime } from '../../api/gen';

const files = import.meta.glob<string>('./files/*.txt', { query: '?raw', import: 'default' });

export const templates = ['hello', 'resize', 'printer'] as const;
export type Template = (typeof templates)[number];

const fileNames: Record<string, string> = { nodejs: 'index.js', python: 'index.py', php: 'index.php' };

/** fileOf is the name of the file that a language's handler, index.handler, is in. */
export const fileOf = (language: string): string => fileNames[language] ?? 'index.txt';

/** php8: the listing is of PHP 7, whose syntax PHP 8 does not take. */
export const adapted = (template: Template, runtime: Runtime | undefined): boolean => template === 'resize' && runtime?.language === 'php' && !runtime.version?.startsWith('7');

export async function codeOf(template: Template, runtime: Runtime): Promise<Record<string, string>> {
  let name = `${template}-${runtime.language}`;
  if (template === 'resize' && runtime.language === 'php') name += adapted(template, runtime) ? '8' : '7';
  return { [fileOf(runtime.language)]: await files[`./files/${name}.txt`]!() };
}
