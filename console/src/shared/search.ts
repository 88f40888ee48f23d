// What stands behind the ? of the console's addresses: names and texts, as they are. (The
// router's own form writes JSON: an id that looks like a number would stand in quotes.)

/** parseSearch reads it; of several values of one name, the last counts. */
export const parseSearch = (text: string): Record<string, string> => Object.fromEntries(new URLSearchParams(text));

/** stringifySearch writes it, with its ?; what is undefined or null is left out. */
export function stringifySearch(search: Record<string, unknown>): string {
  const p = new URLSearchParams();
  for (const [k, v] of Object.entries(search)) if (v !== undefined && v !== null) p.set(k, String(v));
  const text = p.toString();
  return text && '?' + text;
}
