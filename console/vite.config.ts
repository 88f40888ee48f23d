import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The server replaces __NONCE__ in every page that it sends; see internal/api/console/page.go.
export default defineConfig({
  plugins: [react()],
  html: { cspNonce: '__NONCE__' },
  build: {
    outDir: 'dist',
    emptyOutDir: false, // dist/stub.html is committed; scripts/clean.mjs removes the rest
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    reportCompressedSize: false, // scripts/finish.mjs tells sizes by route
    manifest: true,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/oss': 'http://127.0.0.1:8080', '/fc': 'http://127.0.0.1:8080' } },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
