// Removes an earlier build from dist, but not the committed stub.
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
for (const name of readdirSync(dist)) {
  if (name !== 'stub.html') rmSync(dist + name, { recursive: true });
}
