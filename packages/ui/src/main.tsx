import '@mantine/core/styles.css';
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { router } from './router.tsx';
import { theme } from './theme.ts';

// One data layer for all pages: an answer is shown until the next one arrives, and a page in the background asks nothing.
const queryClient = new QueryClient({
  defaultOptions: { queries: { retry: 1, staleTime: 500, refetchOnWindowFocus: true, placeholderData: (previous: unknown) => previous } },
});

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
