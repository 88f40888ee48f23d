import { stringifySearch } from './search';

/** href writes the address of a page of the console, as the router reads it. */
export function href(path: readonly string[], search: Record<string, string | undefined> = {}): string {
  return '/' + path.map(encodeURIComponent).join('/') + stringifySearch(search);
}
