import { defaultStringifySearch } from '@tanstack/react-router';

/** href writes the address of a page of the console, as the router reads it. */
export function href(path: readonly string[], search: Record<string, string | undefined> = {}): string {
  return '/' + path.map(encodeURIComponent).join('/') + defaultStringifySearch(search);
}
