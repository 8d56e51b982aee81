import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// During development the page runs beside a monitor: `npm run -w @pronoia/ui dev`, with the monitor on its usual port.
const monitor = 'http://127.0.0.1:9090';

export default defineConfig({
  plugins: [react()],
  build: { outDir: 'dist', emptyOutDir: true, sourcemap: false, chunkSizeWarningLimit: 900 },
  server: { proxy: { '/api': monitor, '/proxy': monitor, '/-': monitor } },
});
