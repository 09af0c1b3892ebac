import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';

const api = process.env.OPENTR_API ?? 'http://localhost:5174';

export default defineConfig({
  plugins: [sveltekit()],
  server: { port: 5175, proxy: { '/api': { target: api, ws: true } } },
  build: { target: 'es2022' },
  worker: { format: 'es' },
  test: { include: ['src/**/*.test.ts'], environment: 'node' }
});
